<?php
// How the site stands, as one line of JSON: `php drupal.state.php DOCROOT look` says what its database holds, without Drupal;
// `status` adds what Drupal says of itself, `verify` its requirements, too. `problem` is for a person. Changes nothing.

ini_set('display_errors', 'stderr');
[$app_root, $level] = [(string) realpath($argv[1]), $argv[2] ?? 'look'];
$site_path = 'sites/default';
$settings = $config = $databases = [];
$state = ['problem' => '', 'version' => '', 'php' => PHP_VERSION, 'reachable' => false, 'installed' => false, 'tables' => 0];
ob_start();
try {
    require __DIR__ . '/drupal.php';
    $state = array_merge($state, aegir_code($app_root));
    $state = array_merge($state, aegir_database($databases['default']['default']));
    if ($level !== 'look' && $state['installed']) {
        $state = array_merge($state, aegir_drupal($app_root, $level));
    }
} catch (AegirProblem $problem) {
    $state['problem'] = $problem->getMessage();
} catch (Throwable $error) {
    $place = str_replace("$app_root/", '', $error->getFile());
    $state['problem'] = 'Drupal does not start: ' . rtrim(aegir_words($error->getMessage()), '.') . " ($place, line {$error->getLine()}).";
}
ob_end_clean();
echo 'aegir-state: ', json_encode($state, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE), "\n";

class AegirProblem extends Exception
{
}

/** One line of plain text: Drupal says it in HTML. */
function aegir_words(string $text): string
{
    return trim(preg_replace('/\s+/u', ' ', html_entity_decode(strip_tags($text), ENT_QUOTES | ENT_HTML5)));
}

/** Read as text: code for a newer PHP would end this program without a word. */
function aegir_code(string $root): array
{
    $code = (string) @file_get_contents("$root/core/lib/Drupal.php");
    $value = static fn ($name) => preg_match("/const $name = '([^']+)'/", $code, $found) ? $found[1] : '';
    if (version_compare(PHP_VERSION, $value('MINIMUM_PHP') ?: '0', '<')) {
        throw new AegirProblem("Drupal {$value('VERSION')} needs PHP {$value('MINIMUM_PHP')}, and this Environment has " . PHP_VERSION
            . '. Choose a newer PHP version for the Environment; it must be one of the Server’s PHP versions.');
    }
    return ['version' => $value('VERSION')];
}

/** @return array{reachable: true, installed: bool, tables: int, bytes: int, missing: string[], task: string} */
function aegir_database(array $info): array
{
    $dsn = "mysql:host={$info['host']};port={$info['port']};dbname={$info['database']};charset=utf8mb4";
    $options = $info['pdo'] + [PDO::ATTR_TIMEOUT => 10, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
    try {
        // The warnings say more than the exception when it is about TLS.
        $database = @new PDO($dsn, $info['username'], $info['password'], $options);
    } catch (PDOException $error) {
        throw new AegirProblem(aegir_advice($error, $info), 0, $error);
    }
    $tables = $database->query('SHOW TABLES')->fetchAll(PDO::FETCH_COLUMN);
    $missing = array_values(array_diff(['config', 'key_value', 'users', 'users_field_data'], $tables));
    $task = $missing ? null : aegir_task($database);
    $people = $missing ? 0 : (int) $database->query('SELECT COUNT(*) FROM users WHERE uid > 0')->fetchColumn();
    // A site that was moved here may have no such entry; one whose installation was cut off has that of another step.
    $installed = $people > 0 && in_array($task, [null, 'done'], true);
    $bytes = $database->query('SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE table_schema = DATABASE()');
    return ['reachable' => true, 'installed' => $installed, 'tables' => count($tables), 'bytes' => (int) $bytes->fetchColumn(),
        'missing' => $tables ? $missing : [], 'task' => (string) $task];
}

/** The last step of Drupal's installer that was carried out; done = all. */
function aegir_task(PDO $database): ?string
{
    $value = $database->query("SELECT value FROM key_value WHERE collection = 'state' AND name = 'install_task'")->fetchColumn();
    return $value === false ? null : (string) unserialize($value, ['allowed_classes' => false]);
}

function aegir_advice(PDOException $error, array $info): string
{
    ['host' => $host, 'username' => $user, 'database' => $name] = $info;
    $said = error_get_last()['message'] ?? '';
    if (str_contains($said, 'certificate') || str_contains($said, 'SSL')) {
        return "The database Server $host does not prove who it is: " . aegir_words($said) . '. Prepare the database Server, then install again.';
    }
    $advice = match ((int) ($error->errorInfo[1] ?? $error->getCode())) {
        1044 => "The user $user has no grant for the database $name. Install again: it gives the grants.",
        1045 => "The database Server $host refuses the user $user (password, address or encryption). Install again: it sets them.",
        1049 => "There is no database $name on $host. Install again makes an empty one; restore a backup to have its content back.",
        1040, 1203, 1226 => "The database Server $host has no connection left for the site. Look for what holds so many, or raise the limit.",
        1130 => "The database Server $host takes no connections from this Server. Prepare the database Server again.",
        default => "The database Server $host cannot be reached. Look whether it is up and its mariadb.service runs, and prepare it again.",
    };
    return "$advice It said: " . rtrim($error->getMessage(), '.') . '.';
}

function aegir_drupal(string $root, string $level): array
{
    chdir($root);
    $loader = require "$root/autoload.php";
    $host = trim(stripslashes($GLOBALS['settings']['trusted_host_patterns'][0] ?? 'localhost'), '^$');
    $request = Symfony\Component\HttpFoundation\Request::create("http://$host/");
    $kernel = Drupal\Core\DrupalKernel::createFromRequest($request, $loader, 'prod');
    $kernel->boot();
    $kernel->preHandle($request);
    $system = Drupal::state();
    $said = [
        'drush' => Composer\InstalledVersions::isInstalled('drush/drush') ? Composer\InstalledVersions::getPrettyVersion('drush/drush') : '',
        'users' => (int) Drupal::database()->query('SELECT COUNT(*) FROM {users} WHERE uid > 0')->fetchField(),
        'database' => Drupal::database()->databaseType() . ' ' . Drupal::database()->version(),
        // Within a cluster there is no authority to check a database by, and no encryption.
        'unencrypted' => is_file(__DIR__ . '/ca.pem')
            && (string) Drupal::database()->query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")->fetchField(1) === '',
        'title' => Drupal::config('system.site')->get('name'),
        'profile' => (string) Drupal::installProfile(),
        'theme' => Drupal::config('system.theme')->get('default'),
        'maintenance' => (bool) $system->get('system.maintenance_mode'),
        'cron_last' => (int) $system->get('system.cron_last'),
        // Seconds; 0 = page requests do not run it.
        'own_cron' => Drupal::moduleHandler()->moduleExists('automated_cron') ? (int) Drupal::config('automated_cron.settings')->get('interval') : 0,
        'pending' => aegir_pending($root),
    ];
    return $level === 'verify' ? $said + ['refused' => aegir_refused(), 'errors' => (object) aegir_requirements()] : $said;
}

/** Names of the updates of the database that the code brings and that were not carried out. */
function aegir_pending(string $root): array
{
    require_once "$root/core/includes/install.inc";
    require_once "$root/core/includes/update.inc";
    drupal_load_updates();
    $pending = [];
    foreach (update_get_update_list() as $module => $updates) {
        foreach (array_keys($updates['pending'] ?? []) as $number) {
            $pending[] = "{$module}_update_$number";
        }
    }
    return [...$pending, ...Drupal::service('update.post_update_registry')->getPendingUpdateFunctions()];
}

/** Folders into which the site must write and cannot. */
function aegir_refused(): array
{
    $refused = [];
    foreach (['public://', 'private://', 'temporary://'] as $scheme) {
        $folder = Drupal::service('file_system')->realpath($scheme) ?: $scheme;
        $proof = "$folder/.aegir-" . bin2hex(random_bytes(8));
        if (@file_put_contents($proof, 'x') !== 1) {
            $refused[] = $folder;
        }
        @unlink($proof);
    }
    return $refused;
}

/** What Drupal's status report calls an error, by the name of the requirement. */
function aegir_requirements(): array
{
    $errors = [];
    foreach (Drupal::service('system.manager')->listRequirements() as $name => $requirement) {
        $severity = $requirement['severity'] ?? 0;
        if (($severity instanceof BackedEnum ? $severity->value : $severity) !== 2) {
            continue;
        }
        $parts = array_map('aegir_text', [$requirement['title'] ?? '', $requirement['value'] ?? '', $requirement['description'] ?? '']);
        $errors[$name] = implode(': ', array_filter($parts, static fn ($part) => $part !== ''));
    }
    return $errors;
}

/** A text, an object that is one, or something that is rendered to one. */
function aegir_text(mixed $part): string
{
    $renderer = Drupal::service('renderer');
    // Its name until 10.2.
    $render = method_exists($renderer, 'renderInIsolation') ? 'renderInIsolation' : 'renderPlain';
    return aegir_words((string) (is_array($part) ? $renderer->$render($part) : $part));
}
