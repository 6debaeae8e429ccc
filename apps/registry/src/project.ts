// The namespace that this registry serves, and what it declares.

export class Project {
  constructor(
    readonly name: string,
    readonly environments: ReadonlySet<string>,
    /** The graphs that are deployed; undefined when there is no manifest, and then any graph is taken. */
    readonly graphs: ReadonlySet<string> | undefined,
  ) {}
}
