package cmd

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestJSONDocument holds docs/json.md, which programs are written by, against
// what is printed: each table has the keys of its object, in their order, and
// their types.
func TestJSONDocument(t *testing.T) {
	document, err := os.ReadFile("../docs/json.md")
	require.NoError(t, err)
	require.Contains(t, string(document), "\nVersion 1. ")
	require.Equal(t, 1, jsonVersion)
	objects := map[string]reflect.Type{
		"An error":           reflect.TypeFor[errorJSON](),
		"`anchor`":           reflect.TypeFor[anchorJSON](),
		"`anchor --dry-run`": reflect.TypeFor[planJSON](),
		"`batches`, `batches BATCH`, `upgrade`, `bump`":      reflect.TypeFor[batchJSON](),
		"`headers sync`, `headers import`, `headers status`": reflect.TypeFor[chainJSON](),
		"`headers export`":                   reflect.TypeFor[exportedJSON](),
		"`headers audit`":                    reflect.TypeFor[auditJSON](),
		"`forget`":                           reflect.TypeFor[forgetJSON](),
		"`journal show`":                     reflect.TypeFor[recordJSON](),
		"`journal verify`":                   reflect.TypeFor[journalJSON](),
		"`batches abandon`":                  reflect.TypeFor[abandonedJSON](),
		"`approve`":                          reflect.TypeFor[approvalJSON](),
		"`verify`":                           reflect.TypeFor[verdictJSON](),
		"`verify --csv`":                     reflect.TypeFor[sheetJSON](),
		"`inspect`":                          reflect.TypeFor[inspectionJSON](),
		"`qr`":                               reflect.TypeFor[qrJSON](),
		"`export --to ots`, `export -o OUT`": reflect.TypeFor[exportJSON](),
		"`export --to json`":                 reflect.TypeFor[stepsJSON](),
		"`proofs`":                           reflect.TypeFor[proofsJSON](),
		"`proofs BATCH --leaves`":            reflect.TypeFor[answersJSON](),
		"`proofs --answer`":                  reflect.TypeFor[shardProofsJSON](),
		"`leaves`":                           reflect.TypeFor[leavesJSON](),
		"`audit`":                            reflect.TypeFor[auditedJSON](),
		"`audit`, the last object":           reflect.TypeFor[auditSummaryJSON](),
		"`embed`":                            reflect.TypeFor[embedJSON](),
		"`extract`":                          reflect.TypeFor[extractJSON](),
		"`issuer create`, `issuer show`, `issuer rotate`, `issuer close-key`, `issuer pack -o FILE`, `trust add`, `trust export -o FILE`": reflect.TypeFor[issuerJSON](),
		"`trust list`": reflect.TypeFor[trustedJSON](),
		"`coin create`, `coin import`, `coin address`, `coin show`": reflect.TypeFor[coinAddressJSON](),
		"`issuer key`":                   reflect.TypeFor[officerKeyJSON](),
		"`page`":                         reflect.TypeFor[pageJSON](),
		"`status join`":                  reflect.TypeFor[joinedJSON](),
		"`status unpublished`":           reflect.TypeFor[unpublishedJSON](),
		"`backup`, `restore`":            reflect.TypeFor[backupJSON](),
		"`trust import`":                 reflect.TypeFor[importedJSON](),
		"`trust remove`":                 reflect.TypeFor[removedJSON](),
		"`status show`, `status import`": reflect.TypeFor[statusJSON](),
		"`withdraw`, `replace`":          reflect.TypeFor[withdrawJSON](),
		"`status renew`":                 reflect.TypeFor[renewJSON](),
	}
	sections := strings.Split(string(document), "\n## ")[1:]
	require.Len(t, sections, len(objects))
	for _, section := range sections {
		title, text, _ := strings.Cut(section, "\n")
		object, ok := objects[title]
		require.True(t, ok, "section %q", title)
		var got []string
		for _, row := range tableRow.FindAllStringSubmatch(text, -1) {
			got = append(got, row[1]+" "+row[2])
		}
		// What is in an issuer or a block stands in the words of verify's table.
		want := objectKeys(object, "", title == "`verify`")
		require.Equal(t, want, got, title)
	}
}

var tableRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([a-z]+) \\|")

// objectKeys lists the keys of what a struct is printed as, with those of the
// objects in it, and their types.
func objectKeys(object reflect.Type, prefix string, flat bool) []string {
	var keys []string
	for i := range object.NumField() {
		f := object.Field(i)
		if f.Anonymous {
			keys = append(keys, objectKeys(f.Type, prefix, flat)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		keys = append(keys, prefix+name+" "+jsonType(of))
		switch {
		case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
			keys = append(keys, objectKeys(of.Elem(), prefix+name+"[].", flat)...)
		case of.Kind() == reflect.Struct && !flat:
			keys = append(keys, objectKeys(of, prefix+name+".", flat)...)
		}
	}
	return keys
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice:
		return "array"
	case reflect.Struct:
		return "object"
	}
	return "number"
}
