/**
 * The error that a person or program meets. Every room throws this (or a subclass that adds facts), so that the CLI and
 * the API can print it without knowing where it came from.
 */
export class SwarmError extends Error {
  /** Stable, kebab-case, for programs: `no-repository`, `unknown-agent`, … */
  readonly code: string;
  /** The next step for the person: one imperative sentence, often with a command in it. */
  readonly hint: string | undefined;
  /** True when a repeated call does no harm, and does nothing twice. */
  readonly retrySafe: boolean;
  /** True when waiting does not mend it: a repeated call would fail until a person has acted. */
  readonly lasting: boolean;
  /** Process exit code: 1 failed, 2 wrong usage, 3 not confirmed or timed out. */
  readonly exitCode: 1 | 2 | 3;

  constructor(
    code: string,
    message: string,
    options: {
      hint?: string | undefined;
      cause?: unknown;
      retrySafe?: boolean;
      lasting?: boolean;
      exitCode?: 1 | 2 | 3;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SwarmError';
    this.code = code;
    this.hint = options.hint;
    this.retrySafe = options.retrySafe ?? false;
    this.lasting = options.lasting ?? false;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The shape of every error body of the HTTP API and of `--json` on failure. */
export interface ErrorDocument {
  error: { code: string; message: string; hint?: string; retrySafe: boolean; exitCode: 1 | 2 | 3 };
}

export function toErrorDocument(error: unknown): ErrorDocument {
  if (error instanceof SwarmError) {
    const { code, message, hint, retrySafe, exitCode } = error;
    return { error: { code, message, ...(hint === undefined ? {} : { hint }), retrySafe, exitCode } };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { error: { code: 'internal', message, retrySafe: false, exitCode: 1 } };
}

export function fromErrorDocument(document: ErrorDocument): SwarmError {
  const { code, message, hint, retrySafe, exitCode } = document.error;
  return new SwarmError(code, message, { hint, retrySafe, exitCode });
}

/** The text of any thrown value. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
