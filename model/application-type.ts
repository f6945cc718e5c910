// What an Application type is, as read from applications/<name>/application.yml.

export interface ApplicationType {
  name: string;
  title: string;
  description: string;
  version: string;
  /** Files by which a codebase is recognised, relative to its root. */
  recognisedBy: string[];
  /** What Tasks may read as `application.<name>`: docroot, files, denied, ... */
  values: Record<string, unknown>;
  /** Whether its Environments get a database: always, when a database Server is chosen, or never. */
  database: 'required' | 'optional' | 'none';
  /** It runs by PHP: its web server must have the version that is wanted. */
  php: boolean;
  /** Task type for each verb: install, update, remove, ... */
  verbs: Record<string, string>;
}
