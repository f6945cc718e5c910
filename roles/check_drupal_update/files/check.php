<?php
// Compares new code, by what its files say, with the present one and with what the database has seen. Drupal itself does not
// notice that code is older than its database. Nothing of the code is carried out, and nothing is changed.

/** @return array<string, string> version by package: Drupal's core, modules, themes and profiles as Composer put them there */
function aegir_packages(string $code, string $docroot): array
{
    $core = (string) @file_get_contents("$code/$docroot/core/lib/Drupal.php");
    $packages = preg_match("/const VERSION = '([^']+)'/", $core, $found) ? ['Drupal' => $found[1]] : [];
    $installed = json_decode((string) @file_get_contents("$code/vendor/composer/installed.json"), true);
    foreach ($installed['packages'] ?? [] as $package) {
        if (preg_match('/^drupal-(module|theme|profile)$/', $package['type'] ?? '')) {
            $packages[$package['name']] = ltrim($package['version'], 'v');
        }
    }
    return $packages;
}

/** @return array<string, string> folder by name of all extensions */
function aegir_extensions(string $root): array
{
    $found = [];
    $skip = static fn ($file) => !in_array($file->getFilename(), ['tests', 'node_modules', 'vendor', 'files', 'lib', 'assets', '.git'], true);
    foreach (['core/modules', 'core/themes', 'core/profiles', 'modules', 'themes', 'profiles', 'sites'] as $place) {
        if (!is_dir("$root/$place")) {
            continue;
        }
        $tree = new RecursiveDirectoryIterator("$root/$place", FilesystemIterator::SKIP_DOTS);
        foreach (new RecursiveIteratorIterator(new RecursiveCallbackFilterIterator($tree, $skip)) as $file) {
            if (str_ends_with($file->getFilename(), '.info.yml')) {
                $found[$file->getBasename('.info.yml')] ??= $file->getPath();
            }
        }
    }
    return $found;
}

/** The highest update of the database that the code knows of; 8000 = none. */
function aegir_newest(string $folder, string $name): int
{
    $text = (string) @file_get_contents("$folder/$name.install");
    preg_match_all("/function\s+{$name}_update_(\d+)\s*\(/", $text, $updates);
    preg_match("/function\s+{$name}_update_last_removed\s*\([^{]*\{[^}]*?return\s+(\d+)/", $text, $removed);
    return max(8000, (int) ($removed[1] ?? 0), ...array_map('intval', $updates[1]));
}

[$app_root, $site_path] = ["{$aegir['code']}/{$aegir['docroot']}", 'sites/default'];
$settings = $config = $databases = [];
try {
    require $aegir['settings'];
    $info = $databases['default']['default'];
    $dsn = "mysql:host={$info['host']};port={$info['port']};dbname={$info['database']};charset=utf8mb4";
    $database = @new PDO($dsn, $info['username'], $info['password'], $info['pdo'] + [PDO::ATTR_TIMEOUT => 10]);
    $value = static fn ($text) => unserialize((string) $text, ['allowed_classes' => false]);
    $enabled = $value($database->query("SELECT data FROM config WHERE collection = '' AND name = 'core.extension'")->fetchColumn());
    $rows = $database->query("SELECT name, value FROM key_value WHERE collection = 'system.schema'");
    $schema = array_map($value, $rows->fetchAll(PDO::FETCH_KEY_PAIR));
} catch (Throwable $error) {
    file_put_contents('php://stderr', "The database of the site cannot be read: {$error->getMessage()}");
    exit(1);
}

$warnings = $refusals = [];
$extensions = aegir_extensions($app_root);
foreach (['module', 'theme'] as $kind) {
    foreach (array_keys($enabled[$kind] ?? []) as $name) {
        if (!isset($extensions[$name])) {
            $warnings[] = "The $kind $name is enabled, and the new code does not have it.";
        } elseif (!$aegir['older_database'] && isset($schema[$name]) && $schema[$name] > ($newest = aegir_newest($extensions[$name], $name))) {
            $refusals[] = "The database has seen update {$schema[$name]} of $name, and the new code knows them up to $newest only.";
        }
    }
}
$present = aegir_packages($aegir['present'], $aegir['docroot']);
foreach ($aegir['older_packages'] ? [] : aegir_packages($aegir['code'], $aegir['docroot']) as $package => $version) {
    if (isset($present[$package]) && version_compare($version, $present[$package], '<')) {
        $refusals[] = "$package would go back from {$present[$package]} to $version.";
    }
}
echo "\naegir-result: ", json_encode(['warnings' => $warnings, 'refusals' => $refusals], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
