// A day's use of pg.
const { Pool, Client } = require('pg');

async function main() {
  const settings = { host: process.env.DB_HOST, port: Number(process.env.DB_PORT), user: 'jdoe', password: 'secret', database: 'shop' };
  const pool = new Pool({ ...settings, max: 4, application_name: 'day' });
  await pool.query('DROP TABLE IF EXISTS day_pg');
  await pool.query('CREATE TABLE day_pg (id INT PRIMARY KEY, name TEXT)');
  await Promise.all([...Array(50).keys()].map((i) => pool.query('INSERT INTO day_pg VALUES ($1, $2)', [i, `n\u00e4me ${i}`])));
  console.log('rows', (await pool.query('SELECT COUNT(*)::int AS n FROM day_pg')).rows[0].n);
  const one = await pool.connect();
  await one.query('BEGIN');
  await one.query('DELETE FROM day_pg');
  await one.query('ROLLBACK');
  console.log('after rollback', (await one.query('SELECT COUNT(*)::int AS n FROM day_pg')).rows[0].n);
  await one.query('LISTEN day');
  const heard = new Promise((resolve) => one.on('notification', (m) => resolve(m.payload)));
  await pool.query("NOTIFY day, 'hello'");
  console.log('heard', await heard);
  one.release(true);
  await pool.query('SELECT nothing').catch((e) => console.log('error', e.code));
  await new Client({ ...settings, password: 'wrong' }).connect().catch((e) => console.log('refused', e.code));
  const late = new Client({ ...settings, statement_timeout: 200 });
  await late.connect();
  await late.query('SELECT pg_sleep(5)').catch((e) => console.log('late', e.code));
  await late.end();
  await pool.end();
}

main().catch((e) => { console.log('failed', e.message); process.exit(1); });
