# Sums what tests say of attacks (gateway/attacktest) and prints the table that SECURITY.md,
# the first file, quotes. It fails when an attack got through, or the quotation is not true.
BEGIN { FS = " *[|] *" }
FNR == NR {
  if ($3 ~ /^[1-9][0-9]*$/ && $5 ~ /^API/) { order[++rows] = $2; quoted[$2] = $3; covers[$2] = $4 " | " $5 }
  next
}
/ATTACK [|]/ { n[$2] += $5; all += $5; if (!($2 in quoted)) { print "SECURITY.md has no row: " $2; bad = 1 } }
/^ *--- FAIL|^FAIL|panic:/ { print; bad = 1 }
END {
  print "| attacks | cases | ASVS 5.0 | OWASP API 2023 |\n|---|---|---|---|"
  for (i = 1; i <= rows; i++) {
    name = order[i]
    printf "| %s | %d | %s |\n", name, n[name], covers[name]
    if (n[name] != quoted[name]) { wrong = wrong sprintf("SECURITY.md says %d: %s\n", quoted[name], name) }
  }
  printf "\n%d attacks of %d sorts, all refused: %s\n%s", all, rows, bad ? "NO" : "yes", wrong
  exit bad || wrong != "" || !all
}
