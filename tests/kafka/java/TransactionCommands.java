import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.producer.KafkaProducer;

/** Transactional producers, kept by id: several may have a transaction open at the same time. */
final class TransactionCommands {
  private final String bootstrap;
  private final Map<String, KafkaProducer<byte[], byte[]>> producers = new ConcurrentHashMap<>();
  private final Set<String> open = ConcurrentHashMap.newKeySet();

  TransactionCommands(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  void addTo(Map<String, KafkaHelper.Command> commands) {
    commands.put("transaction", this::send);
    commands.put("endTransaction", this::end);
  }

  private JsonNode send(JsonNode args) throws Exception {
    String id = args.get("id").asText();
    var producer = producers.computeIfAbsent(id, missing -> create(missing, args));
    if (open.add(id)) producer.beginTransaction();
    ArrayNode places = RecordJson.send(producer, args.get("records"));
    if (!args.get("end").asText().equals("open")) end(args);
    return places;
  }

  private JsonNode end(JsonNode args) {
    String id = args.get("id").asText();
    if (!open.remove(id)) throw new IllegalStateException("No open transaction of " + id);
    switch (args.get("end").asText()) {
      case "commit" -> producers.get(id).commitTransaction();
      case "abort" -> producers.get(id).abortTransaction();
      default -> throw new IllegalArgumentException("end is commit or abort");
    }
    return NullNode.instance;
  }

  private KafkaProducer<byte[], byte[]> create(String id, JsonNode args) {
    var producer = Producers.create(bootstrap, args, Map.of("transactional.id", id));
    producer.initTransactions();
    return producer;
  }
}
