// SPDX-License-Identifier: LGPL-2.1-or-later
// Prints what java.util.Properties reads in each file: the judge of our own parser and writer.
import java.io.FileInputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Properties;
import java.util.TreeMap;

public class PropertiesDump {
    private static String units(String text) {
        StringBuilder out = new StringBuilder();
        text.codePoints().forEach(c -> out.append(' ').append(Integer.toHexString(c).toUpperCase()));
        return out.toString();
    }

    public static void main(String[] files) throws Exception {
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        for (String file : files) {
            Properties properties = new Properties();
            try (FileInputStream in = new FileInputStream(file)) {
                properties.load(in);
            }
            out.println(Path.of(file).getFileName());
            TreeMap<String, String> sorted = new TreeMap<>((a, b) -> {
                // By code point, as the bytes of UTF-8 order them.
                int[] x = a.codePoints().toArray(), y = b.codePoints().toArray();
                return java.util.Arrays.compare(x, y);
            });
            properties.forEach((k, v) -> sorted.put((String) k, (String) v));
            sorted.forEach((k, v) -> out.println(units(k) + " =" + units(v)));
        }
        out.flush();
    }
}
