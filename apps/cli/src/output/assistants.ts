// Lists of assistants, as `list` and `search` show them.
import type { Context } from '../context.js'
import type { Assistant } from '../service/shapes.js'
import type { Column } from './table.js'

export const ASSISTANT_COLUMNS: readonly Column<Assistant>[] = [
  { head: 'ID', of: ({ assistant_id }) => assistant_id, colour: (text, _, { dim }) => dim(text) },
  { head: 'NAME', of: ({ name }) => name, shrinks: true, colour: (text, _, { cyan }) => cyan(text) },
  { head: 'GRAPH', of: ({ graph_id }) => graph_id, shrinks: true },
  { head: 'VERSION', of: ({ version }) => version, align: 'right' },
  { head: 'CHANGED', of: ({ updated_at }) => updated_at, time: true },
]

/** Shows up to `limit` of them, and says when there are more. JSON and plain text go out as they come. */
export async function showAssistants(
  { output }: Context,
  found: AsyncIterable<Assistant>,
  limit: number,
): Promise<void> {
  output.page()
  const page: Assistant[] = []
  let count = 0
  let more = false
  for await (const one of found) {
    if (count === limit) {
      more = true
      break
    }
    count += 1
    if (output.mode === 'terminal') page.push(one)
    else await output.table(ASSISTANT_COLUMNS, [one])
  }
  await output.table(ASSISTANT_COLUMNS, page)
  if (count === 0) output.note('no assistant matches')
  if (more) output.note(`there are more than these ${limit}: --limit all, or another number, shows them`)
}
