// What is said to whoever asks for something that is not here: what this service is, and where the rest of the LangGraph
// API belongs.
import { answered, type HttpAnswer } from './answer.js'

const SERVICE = 'assistant-ledger'

const RUNS =
  'This is Assistant Ledger: it has the assistants of the LangGraph API, and neither threads, runs, crons nor a store. Those are with the server that runs your graphs (LangGraph Platform, `langgraph dev`, Aegra): point client.threads, .runs, .crons and .store there, and client.assistants here'

/** Parts of the LangGraph API that belong to whoever runs graphs. */
const OF_RUNS = /^\/(threads|runs|store|mcp|a2a|ui|\.well-known\/agent-card\.json)(\/|$)/

export function notHere(method: string, url: string): HttpAnswer {
  const path = url.split('?', 1)[0] as string
  if (OF_RUNS.test(path)) return answered(404, RUNS, { service: SERVICE })
  if (method === 'GET' && /^\/assistants\/?$/.test(path))
    return answered(404, 'Not Found: POST /assistants/search lists assistants', { service: SERVICE })
  return answered(404, 'Not Found: GET /docs shows what there is', { service: SERVICE })
}
