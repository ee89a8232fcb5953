const mostCharacters = 10_000;
/** A secret of which a half were left would not be known for one. */
const longestSecret = 300;

/** A text as a log has room for it: one of more than 10,000 characters ends between two words and says how much is missing. */
export function cutText(text: string): string {
  if (text.length <= mostCharacters) return text;
  let end = mostCharacters;
  while (end > mostCharacters - longestSecret && !/\s/.test(text[end - 1]!)) end--;
  return `${text.slice(0, end).toWellFormed()}… (${text.length - end} characters more)`;
}
