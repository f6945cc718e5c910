// Settings of Ansible for plays that tests run by themselves: its own output, without what a run of Aegir adds.

import { join, resolve } from 'node:path';

export const project = resolve(import.meta.dirname, '..');
export const pythonBin = join(project, '.cache/python/bin');

export const plainSettings = {
  ANSIBLE_STDOUT_CALLBACK: 'default',
  ANSIBLE_FORCE_COLOR: 'False',
  ANSIBLE_NOCOLOR: '1',
  ANSIBLE_HOST_KEY_CHECKING: 'False',
  ANSIBLE_SHOW_CUSTOM_STATS: 'True',
};
