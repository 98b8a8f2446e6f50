/** Gives the token to connect with. */
export type TokenSource = () => string | Promise<string>;
