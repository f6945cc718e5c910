<?php
// Writes what the variables of the container say about the site as settings of nginx and of PHP: php rules.php FOLDER
// DENIED and PHP_FILES (JSON lists of patterns: `*` is any name, `**` any path; what is denied without a slash is so in any folder, all
// others count from the docroot), UPLOAD_MB.

/** @return list<string> expressions that match one of them */
function patterns(string $name): array
{
    $given = json_decode(getenv($name) ?: '[]', true);
    return array_map(
        static fn (string $pattern) => [str_contains($pattern, '/'), strtr(preg_quote($pattern), ['\*\*' => '.*', '\*' => '[^/]*', '"' => '\"'])],
        is_array($given) ? array_filter($given, 'is_string') : []
    );
}

function alternatives(array $patterns, bool $isAnchored): string
{
    $own = array_filter($patterns, static fn (array $pattern) => $pattern[0] === $isAnchored);
    return implode('|', array_column($own, 1));
}

$folder = $argv[1];
$uploadMb = max(1, (int) (getenv('UPLOAD_MB') ?: 64));
$rules = ["# A form may have more than the file.", 'client_max_body_size ' . ($uploadMb + 8) . 'm;'];
foreach ([false => '/', true => '^/'] as $isAnchored => $before) {
    $denied = alternatives(patterns('DENIED'), (bool) $isAnchored);
    if ($denied !== '') {
        $rules[] = "location ~* \"$before(?:$denied)(?:/|$)\" { return 404; }";
    }
}
// From the docroot, all of them. Without a list: whatever lies in the image.
$run = array_column(patterns('PHP_FILES'), 1);
$which = $run === [] ? '\.php$' : '^/(?:' . implode('|', $run) . ')(?:/|$)';
$rules[] = <<<END
location ~ "$which" {
  fastcgi_split_path_info "^(.+?\.php)(/.*)\$";
  # try_files forgets it otherwise.
  set \$site_path_info \$fastcgi_path_info;
  # What people upload is linked into the image, and belongs to somebody else: it is never run.
  disable_symlinks if_not_owner;
  try_files \$fastcgi_script_name =404;
  fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;
  fastcgi_param PATH_INFO \$site_path_info;
  include /etc/site/php.conf;
}
# Any other code is neither run nor shown.
location ~* "\.(?:php[0-9]?|phps|phtml|phar)(?:/|$)" { return 404; }
END;
file_put_contents("$folder/rules.conf", implode("\n", $rules) . "\n");

@mkdir("$folder/php");
file_put_contents("$folder/php/site.ini", "upload_max_filesize = {$uploadMb}M\npost_max_size = " . ($uploadMb + 8) . "M\n");
