// The relay's server of repositories as a process of its own, so that its memory can be measured: `node serve-repository.ts
// <folder> <host>` says its address.

import { startRepositoryServer } from './repository-server.ts';

const [folder = '', host = ''] = process.argv.slice(2);
const { url } = await startRepositoryServer(folder, host);
console.log(url);
