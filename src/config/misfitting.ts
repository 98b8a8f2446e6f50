import { quoted } from "../core/quoted.ts";
import type { Settings } from "./settings.ts";
import type { SettingKey } from "./settings_table.ts";
import { didYouMean } from "./suggest.ts";

/**
 * What is wrong with settings that are right one by one: those that need another, and those that
 * exclude each other.
 *
 * @param name What to call a setting: where it was given, or could be.
 */
export function misfitting(settings: Settings, name: (key: SettingKey) => string): string[] {
  const problems: string[] = [];
  const isGiven = (key: SettingKey) => settings[key] !== undefined;
  const needs = (key: SettingKey, ...others: SettingKey[]) => {
    if (!isGiven(key) || others.some(isGiven)) return;
    problems.push(`${name(key)} needs ${others.map(name).join(" or ")}`);
  };
  const excludes = (key: SettingKey, other: SettingKey) => {
    if (isGiven(key) && isGiven(other)) {
      problems.push(`${name(key)} and ${name(other)} exclude each other: leave one out`);
    }
  };
  needs("tlsCert", "tlsKey");
  needs("tlsKey", "tlsCert");
  needs("kafkaCert", "kafkaKey");
  needs("kafkaKey", "kafkaCert");
  for (const key of ["kafkaCa", "kafkaCert", "kafkaKey"] as const) {
    if (isGiven(key) && settings.kafkaTls === "off") {
      problems.push(`${name(key)} is for connections by TLS: set ${name("kafkaTls")} to on`);
    }
  }
  excludes("kafkaPassword", "kafkaPasswordFile");
  const { kafkaSasl } = settings;
  const ofPassword = ["kafkaUser", "kafkaPassword", "kafkaPasswordFile"] as const;
  if (kafkaSasl === "oauthbearer") {
    needs("kafkaSasl", "kafkaOauthTokenFile");
    for (const key of ofPassword) excludes(key, "kafkaOauthTokenFile");
  } else if (kafkaSasl !== undefined) {
    needs("kafkaSasl", "kafkaUser");
    needs("kafkaSasl", "kafkaPassword", "kafkaPasswordFile");
    if (isGiven("kafkaOauthTokenFile")) {
      problems.push(
        `${name("kafkaOauthTokenFile")} is for oauthbearer: set ${name("kafkaSasl")} to it`,
      );
    }
  } else {
    for (const key of [...ofPassword, "kafkaOauthTokenFile"] as const) needs(key, "kafkaSasl");
  }
  problems.push(...unknownRoles(settings, name));
  const takesTokens = (["jwtKey", "jwtKeyFile", "jwtSecret", "jwtSecretFile", "jwksUrl"] as const)
    .some(isGiven);
  if (takesTokens && settings.jwtAudience.length === 0) {
    problems.push(
      `${name("jwtAudience")} is missing: say which audience (aud) tokens for this server have`,
    );
  }
  return problems;
}

function unknownRoles(
  { users = {}, roles }: Settings,
  name: (key: SettingKey) => string,
): string[] {
  const names = Object.keys(roles);
  return Object.entries(users).flatMap(([user, { roles: own = [] }]) =>
    own.filter((role) => !names.includes(role)).map((role) =>
      `${name("users")} gives ${quoted(user)} the role ${quoted(role)}, which ${
        name("roles")
      } does not have${didYouMean(role, names)}`
    )
  );
}
