// The content that every figure is measured with: 2 KiB, different in each assistant and version.

export const CONTENT_BYTES = 2048

/** One assistant in `TEAMS` has a given team: what a search with 1 % matches looks for. */
export const TEAMS = 100

const FILLER = 'You write for readers who know the field and have little time. '.repeat(60)

export function sampleContent(assistant: number, version: number) {
  const content = {
    graph_id: 'writer',
    name: `Assistant ${assistant}`,
    context: { model: `sample-${version}`, prompt: '' },
    metadata: { team: `team-${assistant % TEAMS}`, number: assistant },
  }
  const left = CONTENT_BYTES - Buffer.byteLength(JSON.stringify(content)) - 120
  // context is mirrored into config.configurable when it is stored, so half of what is left goes into each.
  return { ...content, context: { ...content.context, prompt: FILLER.slice(0, Math.floor(left / 2)) } }
}

export function sampleId(assistant: number): string {
  return `00000000-0000-4000-8000-${assistant.toString(16).padStart(12, '0')}`
}
