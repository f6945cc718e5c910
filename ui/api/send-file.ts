// Sends a file of this machine, and says how much of it has gone: fetch cannot.

import type { ProblemJson } from '../../api/contract.ts';
import { ApiError } from './client.ts';

/** @param path below /api. @param progress is given the part that has been sent, 0 to 1. */
export function sendFile<T>(path: string, file: File, progress: (part: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api${path}`);
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', 'application/gzip');
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const body = parse(request.responseText);
      if (request.status < 300) resolve(body as T);
      else reject(new ApiError(request.status, body as Partial<ProblemJson>));
    };
    request.onerror = () =>
      reject(new ApiError(0, { detail: 'The upload broke off. Is Aegir running, and is the network up?' }));
    request.send(file);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
