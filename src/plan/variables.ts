/** `{{x}}`, or with a backslash before it the text as it stands. What stands between the braces is looked at later. */
const PLACE = /(\\?)\{\{([^{}]*)\}\}/g;

/** A use of a variable that has no value, or of what is no name. */
export class UnknownVariable extends Error {
  override readonly name = 'UnknownVariable';
  readonly variable: string;

  constructor(variable: string) {
    super(`{{${variable}}} has no value`);
    this.variable = variable;
  }
}

/**
 * The text with each `{{x}}` replaced by the value of x, whatever it holds.
 * @param used collects the names
 * @throws UnknownVariable
 */
export function fillIn(text: string, values: ReadonlyMap<string, string>, used: Set<string>): string {
  return text.replaceAll(PLACE, (whole, escaped: string, inner: string) => {
    if (escaped !== '') return whole.slice(1);
    const name = inner.trim();
    const value = values.get(name);
    if (value === undefined) throw new UnknownVariable(name);
    used.add(name);
    return value;
  });
}
