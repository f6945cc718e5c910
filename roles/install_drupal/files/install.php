<?php
// Installs Drupal by Drush into the site's database, with a password that nobody knows: people sign in by Aegir's link, or have
// Drupal mail them a new one. Tables are removed only where this installation was begun and has not come to its end.

function aegir_stop(string $message): never
{
    file_put_contents('php://stderr', $message . "\n");
    exit(1);
}

function aegir_state(array $aegir): array
{
    $said = shell_exec(implode(' ', array_map('escapeshellarg', [PHP_BINARY, $aegir['state'], $aegir['root'], 'look'])));
    if (!preg_match('/^aegir-state: (.+)$/m', (string) $said, $found)) {
        aegir_stop('How the site stands could not be read; PHP said it above.');
    }
    return json_decode($found[1], true);
}

function aegir_remove(string $folder): void
{
    array_map('unlink', glob("$folder/*"));
    @rmdir($folder);
}

/** Where Drush reads the password from: an argument could be seen in the list of processes. */
function aegir_password_folder(): string
{
    $base = getenv('TMPDIR') . '/aegir-install-';
    array_map('aegir_remove', glob("$base*"));
    $folder = $base . bin2hex(random_bytes(8));
    mkdir($folder, 0700);
    register_shutdown_function('aegir_remove', $folder);
    umask(0077);
    $options = ['account-pass' => bin2hex(random_bytes(24))];
    // JSON is YAML, too.
    file_put_contents("$folder/drush.yml", json_encode(['command' => ['site' => ['install' => ['options' => $options]]]]));
    umask(0027);
    return $folder;
}

/** Passes its lines on. @return array{int, string} exit code and what went wrong in its words */
function aegir_run(array $command): array
{
    $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
    $lines = $errors = [];
    while (($line = fgets($pipes[1])) !== false) {
        echo $line;
        $line = trim($line);
        $lines = array_slice([...$lines, ...$line === '' ? [] : [$line]], -4);
        // Without the places in its code; that a folder of the code cannot be written is as it should be.
        if (preg_match('/^\[error\]\s*(.+?)(?: #0 .*)?$/', $line, $found) && !str_contains($line, '.htaccess')) {
            $errors[] = $found[1];
        }
    }
    return [proc_close($process), mb_substr(implode(' ', array_slice($errors, -2) ?: $lines), 0, 300)];
}

[$app_root, $site_path] = [$aegir['root'], 'sites/default'];
require $aegir['settings'];
['host' => $host, 'port' => $port, 'database' => $name, 'username' => $user, 'password' => $password, 'pdo' => $options]
    = $databases['default']['default'];
$database = new PDO("mysql:host=$host;port=$port;dbname=$name", $user, $password, $options);
// Held by the connection: it is free when its holder is gone.
if ((int) $database->query("SELECT GET_LOCK(CONCAT('aegir_install_', MD5(DATABASE())), 0)")->fetchColumn() !== 1) {
    aegir_stop('Another installation of this site is under way. Wait for its end, then install again.');
}
$state = aegir_state($aegir);
if ($state['installed']) {
    echo "Drupal is installed.\n";
    exit(0);
}
if ($state['tables'] > 0) {
    if (!$aegir['unfinished'] || $state['task'] === 'done') {
        aegir_stop("The database $name holds tables that are no unfinished installation of this site. Nothing was removed.");
    }
    echo "An earlier installation did not come to its end: the {$state['tables']} tables that it left are removed.\n";
    $database->exec('SET FOREIGN_KEY_CHECKS = 0');
    foreach ($database->query('SHOW TABLES')->fetchAll(PDO::FETCH_COLUMN) as $table) {
        $database->exec('DROP TABLE IF EXISTS `' . str_replace('`', '``', $table) . '`');
    }
}

$what = $aegir['from_configuration']
    ? ['--existing-config']
    // Versions are Aegir's concern, and asking for them delays each cron run of a site without a way to the outside.
    : [$aegir['profile'], 'install_configure_form.enable_update_status_module=NULL', 'install_configure_form.enable_update_status_emails=NULL'];
[$code, $words] = aegir_run([
    PHP_BINARY, $aegir['drush'], "--uri=http://{$aegir['host']}", '--config=' . aegir_password_folder() . '/drush.yml', '--yes',
    'site:install', ...$what, "--site-name={$aegir['site_name']}", "--site-mail={$aegir['admin_mail']}",
    "--account-name={$aegir['admin_name']}", "--account-mail={$aegir['admin_mail']}", "--locale={$aegir['locale']}",
]);
$state = aegir_state($aegir);
if ($code !== 0) {
    aegir_stop("drush site:install ended with code $code: " . rtrim($words, '.') . '. ' . (str_contains($words, 'hook_install()')
        ? 'Install again with the answer “keep” for exported configuration, or export it from a site whose profile allows it.'
        : 'Install again: it begins anew.'));
}
if (!$state['installed']) {
    aegir_stop($state['problem'] ?: "Drush says that Drupal is installed, but it is not: it stopped after “{$state['task']}”. Look at the lines above.");
}
