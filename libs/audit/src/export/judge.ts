// Whether what is exported is what was recorded. An export copies whatever the log has, since an altered log may be all
// that there is left, and what its events were altered to is evidence; but it does not do so without a word.
import { sealFault } from '@assistant-ledger/assistant'
import type { EventText } from '@assistant-ledger/event-log'
import { StreamTable } from '../stream-table.js'
import type { StoredJson } from './line.js'

/** Events that do not fit their own hashes, or the event before them. */
export interface Altered {
  readonly events: number
  /** The first of them, and what is wrong with it. */
  readonly stream: string
  readonly revision: number
  readonly why: string
}

export class Judge {
  private readonly heads = new StreamTable()
  private found: Altered | undefined

  /** @param isWhole whether each stream comes from its beginning: otherwise its first event may be any */
  constructor(private readonly isWhole: boolean) {}

  /** Undefined as long as everything fits. */
  get altered(): Altered | undefined {
    return this.found
  }

  /** Events of one stream have to come in their order. */
  take({ stream, revision: number, id, type }: EventText, { data, metadata }: StoredJson): void {
    const head = this.heads.find(stream)
    const revision = Number(number)
    const { hash } = metadata as { readonly hash?: unknown }
    const next = (head?.revision ?? -1) + 1
    const isNext = revision === next || (!head && !this.isWhole)
    const why = isNext
      ? sealFault({ id, stream, revision: number, type, data, metadata }, head?.hash)
      : `event ${next} is missing before it`
    if (why)
      this.found = { ...(this.found ?? { stream, revision, why }), events: (this.found?.events ?? 0) + 1 }
    if (typeof hash === 'string') this.heads.set(stream, { revision, hash })
  }
}
