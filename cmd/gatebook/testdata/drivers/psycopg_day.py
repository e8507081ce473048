"""A day's use of psycopg."""
import os
import psycopg

dsn = f"host={os.environ['DB_HOST']} port={os.environ['DB_PORT']} user=jdoe password=secret dbname=shop"
with psycopg.connect(dsn) as db:
    with db.cursor() as c:
        c.execute("DROP TABLE IF EXISTS day_psycopg")
        c.execute("CREATE TABLE day_psycopg (id INT PRIMARY KEY, name TEXT)")
        with c.copy("COPY day_psycopg FROM STDIN") as copy:
            for i in range(1000):
                copy.write_row((i, f"n\u00e4me {i}"))
        c.execute("SELECT COUNT(*), SUM(length(name)) FROM day_psycopg")
        print("rows", *c.fetchone())
    db.commit()
    with db.cursor(name="many") as c:
        c.execute("SELECT name FROM day_psycopg")
        print("streamed", sum(len(row[0]) for row in c))
with psycopg.connect(dsn, autocommit=True) as db, db.pipeline():
    print("pipelined", sum(db.execute("SELECT %s::int", (i,)).fetchone()[0] for i in range(20)))
try:
    with psycopg.connect(dsn) as db:
        db.execute("SELECT nothing")
except psycopg.Error as e:
    print("error", e.sqlstate)
try:
    psycopg.connect(dsn.replace("secret", "wrong"))
except psycopg.OperationalError as e:
    print("refused", "password authentication failed" in str(e))
