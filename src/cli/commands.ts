import type { Command } from "./command.ts";
import { CONFIG } from "./config_command.ts";
import { HASH_PASSWORD } from "./hash_password_command.ts";
import { SERVE } from "./serve.ts";
import { TICKET } from "./ticket_command.ts";

/** Every command; the first one runs where none is named. */
export const COMMANDS: readonly Command[] = [SERVE, CONFIG, HASH_PASSWORD, TICKET];
