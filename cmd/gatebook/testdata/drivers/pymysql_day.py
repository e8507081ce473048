"""A day's use of pymysql."""
import os
import pymysql

settings = dict(host=os.environ["DB_HOST"], port=int(os.environ["DB_PORT"]), user="jdoe", password="secret", database="shop")
db = pymysql.connect(**settings, local_infile=True)
with db.cursor() as c:
    c.execute("DROP TABLE IF EXISTS day_pymysql")
    c.execute("CREATE TABLE day_pymysql (id INT PRIMARY KEY, name VARCHAR(40))")
    c.executemany("INSERT INTO day_pymysql VALUES (%s, %s)", [(i, f"n\u00e4me {i}") for i in range(500)])
db.commit()
with db.cursor(pymysql.cursors.SSCursor) as c:
    c.execute("SELECT name FROM day_pymysql ORDER BY id")
    print("streamed", sum(len(name) for (name,) in c))
try:
    db.cursor().execute("SELECT nothing")
except pymysql.Error as e:
    print("error", e.args[0])
db.ping()
for charset in ("latin1", "cp1251"):
    other = pymysql.connect(**settings, charset=charset)
    other.cursor().execute("SELECT 1")
    other.close()
try:
    pymysql.connect(**{**settings, "password": "wrong"})
except pymysql.Error as e:
    print("refused", e.args[0])
db.close()
