// An assistant as an environment shows it, made of what is stored without reading it: the content is JSON text already, and
// most who ask want no more than that text.
import type { Assistant, AssistantRow } from './read-model.js'

export class ShownRow implements AssistantRow {
  readonly json: string
  #assistant: Assistant | undefined

  /** @param content the JSON of an object with the six fields of a content */
  constructor(
    about: Pick<Assistant, 'assistant_id' | 'version' | 'created_at' | 'updated_at'>,
    content: string,
    readonly generation: number,
    readonly revision: bigint,
  ) {
    const { assistant_id, version, created_at, updated_at } = about
    // None of the four has anything to escape: ids are UUIDs, times are written by us.
    this.json = `{"assistant_id":"${assistant_id}","version":${version},${content.slice(1, -1)},"created_at":"${created_at}","updated_at":"${updated_at}"}`
  }

  get assistant(): Assistant {
    this.#assistant ??= JSON.parse(this.json) as Assistant
    return this.#assistant
  }
}
