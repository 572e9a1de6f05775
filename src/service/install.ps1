# Installs llm-proxy as a service, with NSSM (https://nssm.cc). Run it as administrator.
$ErrorActionPreference = 'Stop'

$service = 'llm-proxy'
$source = {{SOURCE}}
$program = {{PROGRAM}}
$folder = {{FOLDER}}

if (-not (Get-Command nssm -ErrorAction SilentlyContinue)) {
  throw 'nssm.exe was not found: install it (winget install NSSM.NSSM) and run this again.'
}

New-Item -ItemType Directory -Force -Path (Split-Path $program) | Out-Null
if ($source -ne $program) {
  Copy-Item -Force -Path $source -Destination $program
}

# Only the service and administrators can read the keys.
icacls "$folder\.env" /inheritance:r /grant:r '*S-1-5-19:R' '*S-1-5-18:F' '*S-1-5-32-544:F' | Out-Null

# The folder of the database.
New-Item -ItemType Directory -Force -Path "$folder\data" | Out-Null
icacls "$folder\data" /inheritance:r /grant:r '*S-1-5-19:(OI)(CI)M' '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null

nssm install $service $program
nssm set $service AppDirectory $folder
nssm set $service DisplayName 'llm-proxy'
nssm set $service Description 'LLM API proxy'
nssm set $service ObjectName 'NT AUTHORITY\LocalService'
nssm set $service Start SERVICE_AUTO_START
nssm set $service AppExit Default Restart
nssm set $service AppStopMethodConsole 45000
nssm set $service AppStdout "$folder\llm-proxy.log"
nssm set $service AppStderr "$folder\llm-proxy.log"
nssm set $service AppRotateFiles 1
nssm set $service AppRotateBytes 10485760

# The service writes the log.
icacls $folder /grant '*S-1-5-19:(OI)(CI)M' | Out-Null
nssm start $service
nssm status $service
