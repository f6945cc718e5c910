// Puts message and stack of every failure into a payload, which the codec seals: the engine keeps them in clear otherwise.
// Loaded by its path, in the worker, the API and within the workflows' bundle: nothing but the SDK may be imported here.

import { DefaultFailureConverter, type FailureConverter, TemporalFailure } from '@temporalio/common';

type Arguments = Parameters<FailureConverter['errorToFailure']>;

class SealingFailureConverter extends DefaultFailureConverter {
  /** A failure that came from the engine is passed on as a copy: the SDK writes into it, and its words would be lost the second time. */
  override errorToFailureInner(...[error, ...more]: Arguments): ReturnType<FailureConverter['errorToFailure']> {
    if (error instanceof TemporalFailure && error.failure) return { ...error.failure };
    return super.errorToFailureInner(error, ...more);
  }
}

export const failureConverter = new SealingFailureConverter({ encodeCommonAttributes: true });
