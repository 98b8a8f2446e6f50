import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Passwords and access control lists of a secured cluster. */
final class SecurityCommands {
  private static final int ITERATIONS = 4096;
  private final Admin admin;

  SecurityCommands(String bootstrap) {
    admin = Admin.create(Map.of("bootstrap.servers", bootstrap, "request.timeout.ms", 10_000));
  }

  void addTo(Map<String, KafkaHelper.Command> commands) {
    commands.put("setPassword", this::setPassword);
    commands.put("allow", this::allow);
    commands.put("disallow", this::disallow);
  }

  private JsonNode setPassword(JsonNode args) throws Exception {
    var mechanism = ScramMechanism.fromMechanismName(args.get("mechanism").asText());
    var info = new ScramCredentialInfo(mechanism, ITERATIONS);
    var change =
        new UserScramCredentialUpsertion(
            args.get("user").asText(), info, args.get("password").asText());
    admin.alterUserScramCredentials(List.of(change)).all().get();
    return NullNode.instance;
  }

  private JsonNode allow(JsonNode args) throws Exception {
    admin.createAcls(bindings(args)).all().get();
    return NullNode.instance;
  }

  private JsonNode disallow(JsonNode args) throws Exception {
    admin.deleteAcls(bindings(args).stream().map(AclBinding::toFilter).toList()).all().get();
    return NullNode.instance;
  }

  private static List<AclBinding> bindings(JsonNode args) {
    var pattern =
        new ResourcePattern(
            ResourceType.fromString(args.get("resource").asText()),
            args.get("name").asText(),
            args.path("prefixed").asBoolean(false) ? PatternType.PREFIXED : PatternType.LITERAL);
    List<AclBinding> bindings = new ArrayList<>();
    for (JsonNode operation : args.get("operations")) {
      var entry =
          new AccessControlEntry(
              "User:" + args.get("user").asText(),
              "*",
              AclOperation.fromString(operation.asText()),
              AclPermissionType.ALLOW);
      bindings.add(new AclBinding(pattern, entry));
    }
    return bindings;
  }
}
