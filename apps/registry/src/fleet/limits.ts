// Every limit of the fleet in one place.

export const FLEET_LIMITS = {
  /** Presence comes every 5 s; a runner that has missed three is gone. */
  silent_ms: 15_000,
  /** Between two looks at who has been silent. */
  look_ms: 1_000,
  /** Reports that become one event. */
  reportsAnEvent: 500,
  /** Joins and leaves that become one event. */
  staysAnEvent: 500,
  /** Reports that are fetched ahead of being recorded. */
  reportsAhead: 2_000,
  /** Characters of a runner's name, and of its build. */
  name: 200,
  /** Characters of a reason. */
  reason: 500,
  /** Graphs, and named assistants, that a runner may say to follow. */
  graphs: 64,
  assistants: 1_000,
  /** Runners that are known at a time; one more is not taken in. */
  runners: 10_000,
  /** Of them, that have one name. */
  instances: 100,
  /** Comings and goings that wait to be recorded; from there on what only came and went is left out. */
  changes: 50_000,
  /** Times in a row that a runner's digest has to differ from what is recorded before it is asked to report again. */
  differing: 2,
  /** Between two such questions to one runner. */
  ask_ms: 15_000,
  /** The same, where it names a descriptor that is not on record: it may be one that is refused. */
  askToRegister_ms: 60_000,
  /** Descriptors that are remembered to be on record. */
  onRecord: 10_000,
  /** Assistants that an answer about runners of one name shows in all. */
  assistantsOn: 1_000,
  /** Before something that broke off is tried again. */
  retry_ms: 500,
  /** Attempts of one append to a stream that others append to as well. */
  appends: 10,
  /** Between two looks at what the live feed has to tell; promotions told of at a time, due, and remembered as told. */
  feed_ms: 100,
  feedPromotions: 50,
  feedDue: 10_000,
  feedTold: 10_000,
  /** How long a command waits for its receipt unless told, and at most; and how many may wait. */
  waitDefault_ms: 10_000,
  wait_ms: 300_000,
  waiting: 1_000,
  /** How far in the future a guard may judge. */
  guard_ms: 24 * 60 * 60 * 1000,
} as const
