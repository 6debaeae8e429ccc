// A reader of server-sent events, as a browser has one: https://html.spec.whatwg.org/multipage/server-sent-events.html,
// without coming again by itself.

export interface SentEvent {
  readonly id: string
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  readonly data: any
}

export interface EventSource {
  readonly status: number
  readonly headers: Headers
  /** What came without being an event: comments, and ids alone. */
  readonly between: string[]
  /** Whether the connection was cut in the middle. */
  readonly cut: boolean
  /** The id to come again with. */
  readonly lastId: string
  /** The next event; undefined when the stream has ended, however. */
  next(): Promise<SentEvent | undefined>
  /** So many events. @throws Error when the stream ends before */
  take(count: number): Promise<SentEvent[]>
  /** Resolves when the stream begins: from there on nothing is missed. */
  begun(): Promise<void>
  close(): void
}

export async function openEvents(url: string, headers: Record<string, string> = {}): Promise<EventSource> {
  const ending = new AbortController()
  const answer = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: ending.signal,
  })
  const between: string[] = []
  let lastId = headers['last-event-id'] ?? ''
  let cut = false
  const blocks = blocksOf(answer.body as ReadableStream<Uint8Array>, () => {
    cut = true
  })
  const ahead: SentEvent[] = []
  /** Reads one block; false at the end. */
  const read = async (): Promise<boolean> => {
    const { value: block, done } = await blocks.next()
    if (done) return false
    const fields = new Map(
      block.split('\n').map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')] as const
      }),
    )
    lastId = fields.get('id') ?? lastId
    const data = fields.get('data')
    if (data === undefined) between.push(block)
    else ahead.push({ id: lastId, event: fields.get('event') ?? 'message', data: JSON.parse(data) })
    return true
  }
  const next = async (): Promise<SentEvent | undefined> => {
    while (ahead.length === 0) if (!(await read())) return undefined
    return ahead.shift()
  }
  return {
    status: answer.status,
    headers: answer.headers,
    between,
    get cut() {
      return cut
    },
    get lastId() {
      return lastId
    },
    next,
    async take(count) {
      const events: SentEvent[] = []
      while (events.length < count) {
        const event = await next()
        if (!event) throw new Error(`the stream ended after ${events.length} of ${count} events`)
        events.push(event)
      }
      return events
    },
    async begun() {
      while (between.length === 0) if (!(await read())) throw new Error('the stream ended before it began')
    },
    close: () => ending.abort(),
  }
}

async function* blocksOf(body: ReadableStream<Uint8Array>, onCut: () => void): AsyncGenerator<string, void> {
  let text = ''
  const decoder = new TextDecoder()
  try {
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      yield* blocks
    }
  } catch {
    // What came whole was given.
    onCut()
  }
}
