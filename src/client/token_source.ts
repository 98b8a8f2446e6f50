/** Gives the token to connect with; `signal` is aborted when the client is over. */
export type TokenSource = (options: { readonly signal: AbortSignal }) => string | Promise<string>;
