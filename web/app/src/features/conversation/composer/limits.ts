/** The most characters of a message that the server takes. */
export const MOST_CHARACTERS = 100_000;
/** From how many on the reader is told how many are left. */
export const TELL_FROM = 90_000;
