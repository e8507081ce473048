// A day's use of mysql2. It prints what it sees, without anything that differs between two runs.
const mysql = require('mysql2/promise');

async function main() {
  const settings = { host: process.env.DB_HOST, port: Number(process.env.DB_PORT), user: 'jdoe', password: 'secret', database: 'shop' };
  const pool = mysql.createPool({ ...settings, connectionLimit: 4 });
  await pool.query('DROP TABLE IF EXISTS day_mysql2');
  await pool.query('CREATE TABLE day_mysql2 (id INT PRIMARY KEY, name VARCHAR(40), big LONGTEXT)');
  await Promise.all([...Array(20).keys()].map((i) => pool.execute('INSERT INTO day_mysql2 VALUES (?, ?, ?)', [i, `n\u00e4me ${i}`, 'x'.repeat(i * 1000)])));
  const [rows] = await pool.query('SELECT COUNT(*) AS n, SUM(LENGTH(big)) AS bytes FROM day_mysql2');
  console.log('rows', Number(rows[0].n), Number(rows[0].bytes));
  const one = await pool.getConnection();
  await one.beginTransaction();
  await one.query('DELETE FROM day_mysql2');
  await one.rollback();
  const [[after]] = await one.query('SELECT COUNT(*) AS n FROM day_mysql2');
  console.log('after rollback', Number(after.n));
  await one.changeUser({ user: 'sue', password: 'secret', database: 'shop' });
  console.log('changed', (await one.query('SELECT CURRENT_USER() AS u'))[0][0].u);
  one.destroy();
  await pool.query('SELECT nothing').catch((e) => console.log('error', e.errno));
  await mysql.createConnection({ ...settings, password: 'wrong' }).catch((e) => console.log('refused', e.errno));
  const gone = await mysql.createConnection(settings);
  await gone.changeUser({ user: 'sue', password: 'wrong' }).catch((e) => console.log('no change', e.errno));
  gone.destroy();
  const compressing = await mysql.createConnection({ ...settings, compress: true });
  const [[long]] = await compressing.query("SELECT REPEAT('abc', 100000) AS text");
  console.log('compressed', long.text.length);
  await compressing.changeUser({ user: 'sue', password: 'secret', database: 'shop' });
  console.log('changed', (await compressing.query('SELECT CURRENT_USER() AS u'))[0][0].u);
  await compressing.changeUser({ user: 'jdoe', password: 'wrong' }).catch((e) => console.log('no change', e.errno));
  compressing.destroy();
  await pool.end();
}

main().catch((e) => { console.log('failed', e.message); process.exit(1); });
