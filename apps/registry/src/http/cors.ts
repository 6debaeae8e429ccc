// What a web page of another origin may do: everything, as with LangGraph's own servers, whose Studio is such a page. It
// reads the answers' headers too.

export const CORS = {
  origin: '*',
  methods: ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS'],
  exposedHeaders: [
    'Content-Location',
    'ETag',
    'Ledger-Descriptor',
    'Ledger-Pending',
    'Ledger-Position',
    'Ledger-Revision',
    'Ledger-Unknown',
    'Retry-After',
    'X-Pagination-Next',
    'X-Pagination-Total',
    'X-Request-Id',
  ],
  maxAge: 600,
}
