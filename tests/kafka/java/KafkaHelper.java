import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;

/**
 * Does to a cluster what tests ask for, through Kafka's own Java clients.
 *
 * <p>Listens on a free port of 127.0.0.1, which it writes to a file. A connection carries one
 * command, a line of JSON {"command": name, ...}, and one answer, {"result": ...} or {"error":
 * text}. Connections are served at the same time.
 *
 * <p>Arguments: the bootstrap servers, the file for the port.
 */
public final class KafkaHelper {
  static final ObjectMapper JSON = new ObjectMapper();

  /** What one command does with its arguments. */
  @FunctionalInterface
  interface Command {
    JsonNode run(JsonNode arguments) throws Exception;
  }

  private static final Map<String, Command> COMMANDS = new HashMap<>();

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0];
    new TopicCommands(bootstrap).addTo(COMMANDS);
    new GroupCommands(bootstrap).addTo(COMMANDS);
    new ProduceCommands(bootstrap).addTo(COMMANDS);
    new BackgroundCommands(bootstrap).addTo(COMMANDS);
    new TransactionCommands(bootstrap).addTo(COMMANDS);
    new ReadCommands(bootstrap).addTo(COMMANDS);
    new SecurityCommands(bootstrap).addTo(COMMANDS);
    try (ServerSocket server = new ServerSocket(0, 100, InetAddress.getLoopbackAddress())) {
      tellPort(Path.of(args[1]), server.getLocalPort());
      while (true) {
        Socket socket = server.accept();
        Thread thread = new Thread(() -> serve(socket));
        thread.setDaemon(true);
        thread.start();
      }
    }
  }

  private static void tellPort(Path file, int port) throws Exception {
    Path unfinished = Path.of(file + ".new");
    Files.writeString(unfinished, Integer.toString(port));
    Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void serve(Socket socket) {
    try (socket) {
      socket.setTcpNoDelay(true);
      var input = new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8);
      var reader = new BufferedReader(input);
      String line = reader.readLine();
      if (line == null) return;
      Writer writer = new OutputStreamWriter(socket.getOutputStream(), StandardCharsets.UTF_8);
      writer.write(answer(line).toString() + "\n");
      writer.flush();
    } catch (IOException error) {
      // The caller went away; there is nobody to tell.
      System.err.println(error);
    }
  }

  private static ObjectNode answer(String line) {
    ObjectNode answer = JSON.createObjectNode();
    try {
      JsonNode arguments = JSON.readTree(line);
      Command command = COMMANDS.get(arguments.path("command").asText());
      if (command == null) throw new IllegalArgumentException("Unknown command: " + line);
      answer.set("result", command.run(arguments));
    } catch (Throwable error) {
      Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
      cause.printStackTrace();
      answer.put("error", cause.getClass().getSimpleName() + ": " + cause.getMessage());
    }
    return answer;
  }

  private KafkaHelper() {}
}
