// One section of langgraph.json, such as `auth` or `http`, or the same as JSON in an environment variable: read field by
// field, and what cannot be used stops the start with one line that says where it stands.
import { BadSetting } from './settings.js'

/** How many characters of a value a line repeats. */
const SHOWN = 100

export class Section {
  private constructor(
    /** What a line about it begins with: the variable, and the file where there is one. */
    readonly source: string,
    private readonly name: string,
    private readonly fields: Readonly<Record<string, unknown>>,
  ) {}

  /**
   * Undefined where there is none.
   * @throws BadSetting when it is no object
   */
  static of(source: string, name: string, value: unknown): Section | undefined {
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'object' || Array.isArray(value))
      throw new BadSetting(`${source}: "${name}" is no object`)
    return new Section(source, name, value as Record<string, unknown>)
  }

  /** The names of the fields that say something. */
  get names(): string[] {
    return Object.keys(this.fields).filter((name) => this.value(name) !== undefined)
  }

  flag(name: string): boolean | undefined {
    return this.read(
      name,
      (value) => (typeof value === 'boolean' ? value : undefined),
      'neither true nor false',
    )
  }

  text(name: string): string | undefined {
    return this.read(name, (value) => (typeof value === 'string' ? value : undefined), 'no text')
  }

  /** A whole number of at least `least`. */
  number(name: string, least: number): number | undefined {
    return this.read(
      name,
      (value) => (Number.isSafeInteger(value) && (value as number) >= least ? (value as number) : undefined),
      `no whole number from ${least}`,
    )
  }

  /** A list of texts, each as `pattern` says. @param what they are called */
  texts(name: string, pattern: RegExp, what: string): readonly string[] | undefined {
    const texts = this.read(
      name,
      (value) =>
        Array.isArray(value) && value.every((one) => typeof one === 'string')
          ? (value as string[])
          : undefined,
      'no list of texts',
    )
    const bad = texts?.find((one) => !pattern.test(one))
    if (bad !== undefined) throw this.fault(name, `has ${shown(bad)}, which is no ${what}`)
    return texts
  }

  section(name: string): Section | undefined {
    return Section.of(this.source, `${this.name}.${name}`, this.value(name))
  }

  /** The field as it stands there; null is as if it were not. */
  value(name: string): unknown {
    return Object.hasOwn(this.fields, name) ? (this.fields[name] ?? undefined) : undefined
  }

  /** @param what the line says of the field */
  fault(name: string, what: string): BadSetting {
    return new BadSetting(`${this.source}: "${this.name}.${name}" ${what}`)
  }

  private read<T>(name: string, read: (value: unknown) => T | undefined, not: string): T | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    const found = read(value)
    if (found === undefined) throw this.fault(name, `is ${not}`)
    return found
  }
}

const shown = (text: string): string => JSON.stringify(text.slice(0, SHOWN))
