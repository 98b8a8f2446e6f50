import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;

/** Consumer groups: committed offsets, members, and members of our own. */
final class GroupCommands {
  private final String bootstrap;
  private final Admin admin;
  private final Map<String, GroupMember> members = new ConcurrentHashMap<>();

  GroupCommands(String bootstrap) {
    this.bootstrap = bootstrap;
    admin = Admin.create(Map.of("bootstrap.servers", bootstrap, "request.timeout.ms", 10_000));
  }

  void addTo(Map<String, KafkaHelper.Command> commands) {
    commands.put("groupOffsets", this::offsets);
    commands.put("setGroupOffset", this::setOffset);
    commands.put("describeGroup", this::describe);
    commands.put("deleteGroup", this::delete);
    commands.put("joinGroup", this::join);
    commands.put("leaveGroup", this::leave);
  }

  private JsonNode offsets(JsonNode args) throws Exception {
    ArrayNode offsets = KafkaHelper.JSON.createArrayNode();
    admin
        .listConsumerGroupOffsets(
            args.get("group").asText(),
            // A coordinator that has just taken over shows what is older without it.
            new ListConsumerGroupOffsetsOptions().requireStable(true))
        .partitionsToOffsetAndMetadata()
        .get()
        .forEach(
            (partition, offset) -> {
              if (offset == null) return;
              addPartition(offsets, partition)
                  .put("offset", offset.offset())
                  .put("metadata", offset.metadata());
            });
    return offsets;
  }

  private JsonNode setOffset(JsonNode args) throws Exception {
    var offset = new OffsetAndMetadata(args.get("offset").asLong());
    admin
        .alterConsumerGroupOffsets(
            args.get("group").asText(), Map.of(TopicCommands.partition(args), offset))
        .all()
        .get();
    return NullNode.instance;
  }

  private JsonNode describe(JsonNode args) throws Exception {
    String id = args.get("group").asText();
    ObjectNode json = KafkaHelper.JSON.createObjectNode();
    ArrayNode members = json.putArray("members");
    ConsumerGroupDescription group;
    try {
      group = admin.describeConsumerGroups(List.of(id)).describedGroups().get(id).get();
    } catch (ExecutionException error) {
      // Kafka 4 says "not found" where Kafka 3 says "dead".
      if (error.getCause() instanceof GroupIdNotFoundException) return json.put("state", "Dead");
      throw error;
    }
    json.put("state", group.state().toString());
    for (MemberDescription member : group.members()) {
      ObjectNode memberJson = members.addObject();
      memberJson.put("memberId", member.consumerId()).put("clientId", member.clientId());
      ArrayNode partitions = memberJson.putArray("partitions");
      for (TopicPartition partition : member.assignment().topicPartitions()) {
        addPartition(partitions, partition);
      }
    }
    return json;
  }

  private JsonNode delete(JsonNode args) throws Exception {
    admin.deleteConsumerGroups(List.of(args.get("group").asText())).all().get();
    return NullNode.instance;
  }

  private JsonNode join(JsonNode args) throws Exception {
    var member = new GroupMember(bootstrap, args);
    members.put(args.get("id").asText(), member);
    return member.joined();
  }

  private JsonNode leave(JsonNode args) throws Exception {
    GroupMember member = members.remove(args.get("id").asText());
    if (member == null) throw new IllegalArgumentException("No such member: " + args.get("id"));
    return member.leave();
  }

  static ObjectNode addPartition(ArrayNode array, TopicPartition partition) {
    return array
        .addObject()
        .put("topic", partition.topic())
        .put("partition", partition.partition());
  }
}
