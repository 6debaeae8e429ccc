// What each environment but `live` points to, which few assistants have: apart from the streams' ends, 20 bytes a pointer.
import { DigestTable } from '../digest-table.js'

/** A life of an assistant: its next one begins with no pointer. */
export interface LifeOf {
  readonly stream: string
  readonly generation: number
}

export class Pointers {
  private readonly table = new DigestTable(4)

  /** The version; 0 when it points nowhere. */
  find(life: LifeOf, environment: string): number {
    const [chunk, at] = this.table.find(nameOf(life, environment)) ?? []
    return chunk?.readUInt32LE(at) ?? 0
  }

  set(life: LifeOf, environment: string, version: number): void {
    const [chunk, at] = this.table.place(nameOf(life, environment))
    chunk.writeUInt32LE(version >>> 0, at)
  }
}

const nameOf = ({ stream, generation }: LifeOf, environment: string): string =>
  `${stream} ${generation} ${environment}`
