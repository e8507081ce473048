// A day's use of the connector of MariaDB.
const mariadb = require('mariadb');

async function main() {
  const settings = { host: process.env.DB_HOST, port: Number(process.env.DB_PORT), user: 'jdoe', password: 'secret', database: 'shop' };
  const pool = mariadb.createPool({ ...settings, connectionLimit: 4 });
  await pool.query('DROP TABLE IF EXISTS day_mariadb');
  await pool.query('CREATE TABLE day_mariadb (id INT PRIMARY KEY, name VARCHAR(40))');
  await pool.batch('INSERT INTO day_mariadb VALUES (?, ?)', [...Array(500).keys()].map((i) => [i, `n\u00e4me ${i}`]));
  console.log('rows', Number((await pool.query('SELECT COUNT(*) AS n FROM day_mariadb'))[0].n));
  const one = await pool.getConnection();
  let seen = 0;
  for await (const row of one.queryStream('SELECT * FROM day_mariadb')) seen += row.name.length;
  console.log('streamed', seen);
  await one.changeUser({ user: 'sue', password: 'secret', database: 'shop' });
  console.log('changed', (await one.query('SELECT CURRENT_USER() AS u'))[0].u);
  await one.end();
  await pool.query('SELECT nothing').catch((e) => console.log('error', e.errno));
  await mariadb.createConnection({ ...settings, password: 'wrong' }).catch((e) => console.log('refused', e.errno));
  await pool.end();
}

main().catch((e) => { console.log('failed', e.message); process.exit(1); });
