import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A day's use of a JDBC driver under a pool. Its argument is the driver: mariadb or postgresql. */
public class Day {
    public static void main(String[] args) throws Exception {
        String url = "jdbc:" + args[0] + "://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/shop";
        String table = "day_" + args[0];
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setUsername("jdoe");
        config.setPassword("secret");
        config.setMaximumPoolSize(4);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            try (Connection c = pool.getConnection(); Statement s = c.createStatement()) {
                s.execute("DROP TABLE IF EXISTS " + table);
                s.execute("CREATE TABLE " + table + " (id INT PRIMARY KEY, name VARCHAR(40))");
            }
            ExecutorService threads = Executors.newFixedThreadPool(4);
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                int id = i;
                all.add(threads.submit(() -> {
                    try (Connection c = pool.getConnection(); PreparedStatement s = c.prepareStatement("INSERT INTO " + table + " VALUES (?, ?)")) {
                        s.setInt(1, id);
                        s.setString(2, "n\u00e4me " + id);
                        s.executeUpdate();
                    }
                    return null;
                }));
            }
            for (Future<?> f : all) {
                f.get();
            }
            threads.shutdown();
            try (Connection c = pool.getConnection()) {
                c.setAutoCommit(false);
                try (Statement s = c.createStatement()) {
                    s.executeUpdate("DELETE FROM " + table);
                    c.rollback();
                    try (ResultSet r = s.executeQuery("SELECT COUNT(*), SUM(id) FROM " + table)) {
                        r.next();
                        System.out.println("rows " + r.getInt(1) + " " + r.getInt(2));
                    }
                    s.executeQuery("SELECT nothing");
                } catch (SQLException e) {
                    System.out.println("error " + e.getSQLState());
                }
                c.rollback();
            }
        }
        try {
            DriverManager.getConnection(url, "jdoe", "wrong");
        } catch (SQLException e) {
            System.out.println("refused " + e.getSQLState());
        }
    }
}
