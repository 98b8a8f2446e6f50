import type { GroupMembers, GroupPositions, Leases, LogReader } from "../core/ports.ts";
import type { SharedFrames } from "../log/shared_frames.ts";
import type { SharedLog } from "../log/shared_log.ts";
import type { Log } from "../observe/events.ts";
import type { Traffic } from "../observe/traffic.ts";
import type { Claims } from "./claims.ts";
import type { UnansweredCommits } from "./unanswered_commits.ts";

/** What sessions share. */
export interface SessionServices {
  readonly reader: LogReader;
  readonly groups: GroupPositions;
  readonly members: GroupMembers;
  readonly leases: Leases;
  readonly log: SharedLog;
  readonly frames: SharedFrames;
  readonly claims: Claims;
  readonly unanswered: UnansweredCommits;
  readonly events: Log;
  readonly traffic: Traffic;
  readonly commitIntervalMs: number;
}
