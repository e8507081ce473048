"""A day's use of asyncpg."""
import asyncio
import os
import asyncpg

settings = dict(host=os.environ["DB_HOST"], port=int(os.environ["DB_PORT"]), user="jdoe", password="secret", database="shop", ssl=False)


async def main():
    async with asyncpg.create_pool(**settings, min_size=2, max_size=4) as pool:
        await pool.execute("DROP TABLE IF EXISTS day_asyncpg")
        await pool.execute("CREATE TABLE day_asyncpg (id INT PRIMARY KEY, name TEXT)")
        await pool.copy_records_to_table("day_asyncpg", records=[(i, f"n\u00e4me {i}") for i in range(1000)])
        print("rows", await pool.fetchval("SELECT COUNT(*) FROM day_asyncpg"))
        print("sums", sum(await asyncio.gather(*(pool.fetchval("SELECT $1::int", i) for i in range(50)))))
        try:
            await pool.fetch("SELECT nothing")
        except asyncpg.PostgresError as e:
            print("error", e.sqlstate)
        try:
            await pool.fetch("SELECT pg_sleep(10)", timeout=0.3)
        except asyncio.TimeoutError:
            print("late")
        print("still there", await pool.fetchval("SELECT 1"))
    try:
        await asyncpg.connect(**{**settings, "password": "wrong"})
    except asyncpg.PostgresError as e:
        print("refused", e.sqlstate)


asyncio.run(main())
