/** A request that failed, with what is known of it. */

export class ServiceError extends Error {
  constructor(
    message: string,
    readonly code: string,
    /** The HTTP status, 0 where none came. */
    readonly status: number,
    readonly retryAfterS: number | null = null,
    readonly requestId: string | null = null,
  ) {
    super(message);
  }
}

/** Return any failure as one that can be shown. */
export function asServiceError(error: unknown): ServiceError {
  return error instanceof ServiceError
    ? error
    : new ServiceError(error instanceof Error ? error.message : String(error), "page_failed", 0);
}
