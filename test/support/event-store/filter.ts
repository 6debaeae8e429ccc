// Which events of the whole log a filtered subscription sends.
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js'
import type { StoredEvent } from './event.js'

export function filterOf(filter: ReadReq.Options.FilterOptions): (event: StoredEvent) => boolean {
  const byStream = filter.getStreamIdentifier()
  const expression = byStream ?? filter.getEventType()
  const prefixes = expression?.getPrefixList() ?? []
  const regex = new RegExp(expression?.getRegex() ?? '')
  const matches = (text: string) =>
    prefixes.length > 0 ? prefixes.some((prefix) => text.startsWith(prefix)) : regex.test(text)
  return byStream ? ({ stream }) => matches(stream) : ({ type }) => matches(type)
}
