<?php
// Compares new code, by what its files say, with the present one and with what the database uses. Changes nothing.

$database = aegir_installed($table_prefix);
$option = static function (string $name) use ($database, $table_prefix): string {
    $found = $database->query("SELECT option_value FROM `{$table_prefix}options` WHERE option_name = '$name'");
    return (string) ($found->fetch_row()[0] ?? '');
};
$read = static fn (string $file, string $pattern) => preg_match($pattern, (string) @file_get_contents($file, length: 8192), $found)
    ? trim($found[1]) : '';
$core = static fn (string $root) => $read("$root/wp-includes/version.php", "/wp_version = '([^']+)'/");
$version = static fn (string $file) => $read($file, '/^[ \t\/*#@]*Version:(.*)$/mi');

$pairs = ['WordPress' => [$core($aegir['present']), $core($aegir['root'])]];
$warnings = $refusals = [];
$plugins = @unserialize($option('active_plugins'), ['allowed_classes' => false]) ?: [];
$used = array_combine($plugins, array_map(static fn ($name) => 'The plugin ' . explode('/', $name)[0], $plugins));
$files = array_combine($plugins, array_map(static fn ($name) => "wp-content/plugins/$name", $plugins));
foreach (array_unique([$option('template'), $option('stylesheet')]) as $theme) {
    $used[$theme] = "The theme $theme";
    $files[$theme] = "wp-content/themes/$theme/style.css";
}
foreach ($files as $name => $file) {
    if (!is_file("{$aegir['root']}/$file")) {
        $warnings[] = "$used[$name] is in use, and the new code does not have it.";
    } else {
        $pairs[$used[$name]] = [$version("{$aegir['present']}/$file"), $version("{$aegir['root']}/$file")];
    }
}
foreach ($pairs as $what => [$now, $then]) {
    if (!$aegir['older_packages'] && $now !== '' && $then !== '' && version_compare($then, $now, '<')) {
        $refusals[] = "$what would go back from $now to $then.";
    }
}
$present = (int) $option('db_version');
$wanted = (int) $read("{$aegir['root']}/wp-includes/version.php", '/wp_db_version = (\d+)/');
if (!$aegir['older_database'] && $wanted > 0 && $present > $wanted) {
    $refusals[] = "The database is of version $present, and the new code is for version $wanted.";
}
aegir_result(['warnings' => $warnings, 'refusals' => $refusals]);
