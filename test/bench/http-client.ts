// A client of HTTP that costs as little as can be, since it runs on the cores that are measured: connections that stay open,
// one request at a time on each, and of an answer its status, its total and its body as text.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface HttpAnswer {
  readonly status: number
  /** `X-Pagination-Total`; NaN where there is none. */
  readonly total: number
  readonly body: string
}

const HEAD_END = Buffer.from('\r\n\r\n')

export class HttpClient {
  private readonly idle: Connection[]

  private constructor(
    private readonly host: string,
    private readonly all: readonly Connection[],
  ) {
    this.idle = [...all]
  }

  /** @param url `http://127.0.0.1:8123` */
  static async open(url: string, connections: number): Promise<HttpClient> {
    const { hostname, port, host } = new URL(url)
    const all = Array.from({ length: connections }, () => new Connection(hostname, Number(port)))
    await Promise.all(all.map((one) => one.open()))
    return new HttpClient(host, all)
  }

  /**
   * At most as many at a time as there are connections.
   * @throws Error for any answer but a 2xx
   */
  async send(method: string, path: string, body?: object): Promise<HttpAnswer> {
    const connection = this.idle.pop()
    if (!connection) throw new Error('more requests at a time than connections')
    const text = body === undefined ? '' : JSON.stringify(body)
    const about =
      body === undefined
        ? ''
        : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n`
    const answer = await connection.exchange(
      `${method} ${path} HTTP/1.1\r\nhost: ${this.host}\r\n${about}\r\n${text}`,
    )
    this.idle.push(connection)
    if (answer.status < 200 || answer.status > 299)
      throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.body.slice(0, 300)}`)
    return answer
  }

  close(): void {
    for (const connection of this.all) connection.close()
  }
}

class Connection {
  private socket: Socket | undefined
  private received: Buffer = Buffer.alloc(0)
  private done: ((answer: HttpAnswer) => void) | undefined
  private failed: ((error: Error) => void) | undefined

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  /** A server closes what is idle for long, as while it is the other's turn. */
  async open(): Promise<Socket> {
    const socket = connect(this.port, this.host)
    socket.setNoDelay(true)
    await once(socket, 'connect')
    socket.on('data', (chunk) => this.take(chunk))
    socket.on('error', (error) => this.failed?.(error))
    socket.on('close', () => {
      this.socket = undefined
      this.failed?.(new Error('the connection was closed before the answer'))
    })
    this.socket = socket
    return socket
  }

  async exchange(request: string): Promise<HttpAnswer> {
    const socket = this.socket ?? (await this.open())
    return new Promise((resolve, reject) => {
      this.done = resolve
      this.failed = reject
      socket.write(request)
    })
  }

  close(): void {
    this.failed = undefined
    this.socket?.destroy()
  }

  private take(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk])
    const end = this.received.indexOf(HEAD_END)
    if (end < 0) return
    const head = this.received.toString('latin1', 0, end)
    const from = end + HEAD_END.length
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    const body =
      length === undefined
        ? chunkedIn(this.received, from)
        : this.received.length < from + Number(length)
          ? undefined
          : this.received.toString('utf8', from, from + Number(length))
    if (body === undefined) return
    this.received = Buffer.alloc(0)
    const total = /\r\nx-pagination-total: *(\d+)/i.exec(head)?.[1]
    this.failed = undefined
    this.done?.({ status: Number(head.slice(9, 12)), total: Number(total ?? Number.NaN), body })
  }
}

/** The body that comes in chunks, once all of it is there. */
function chunkedIn(bytes: Buffer, from: number): string | undefined {
  const parts: Buffer[] = []
  for (let at = from; ; ) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16)
    if (bytes.length < end + 2 + size + 2) return undefined
    if (size === 0) return Buffer.concat(parts).toString('utf8')
    parts.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}
