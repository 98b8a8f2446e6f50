import { API_COMMANDS } from "./api_commands.ts";
import type { Command } from "./command.ts";
import { COMPLETIONS } from "./completions_command.ts";
import { CONFIG } from "./config_command.ts";
import { CONSUME } from "./consume_command.ts";
import { DOCTOR } from "./doctor_command.ts";
import { HASH_PASSWORD } from "./hash_password_command.ts";
import { PRODUCE } from "./produce_command.ts";
import { SERVE } from "./serve.ts";
import { TICKET } from "./ticket_command.ts";

/** Every command; the first one runs where none is named. */
export const COMMANDS: readonly Command[] = [
  SERVE,
  CONSUME,
  PRODUCE,
  ...API_COMMANDS,
  TICKET,
  CONFIG,
  HASH_PASSWORD,
  DOCTOR,
  COMPLETIONS,
];
