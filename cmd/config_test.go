package cmd

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const exampleFile = "../config.example.yaml"

// The example is the documentation of the configuration: it has every key,
// each with its default, and no other key.
func TestExampleConfiguration(t *testing.T) {
	data, err := os.ReadFile(exampleFile)
	require.NoError(t, err)
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	var s settings
	require.NoError(t, decoder.Decode(&s))
	require.Equal(t, defaultSettings(), s)

	var tree map[string]any
	require.NoError(t, yaml.Unmarshal(data, &tree))
	require.ElementsMatch(t, slices.Collect(maps.Keys(flatten(s))), treeKeys(tree, ""))
}

// A copy of the example, with which people begin, changes nothing.
func TestExampleConfigurationLoads(t *testing.T) {
	s, err := loadSettings(newEnvironment(), "", exampleFile)
	require.NoError(t, err)
	require.Equal(t, defaultSettings(), s)
}

// Every key of settings has its default under its name: without one, viper
// does not look for its environment variable.
func TestDefaultsHaveEveryKey(t *testing.T) {
	s := settings{
		Anchor:    anchorSettings{Network: "1", Issuer: "2", Via: "6", Confirmations: 7, Target: 8, MaxFee: 9},
		Node:      nodeSettings{URL: "10", User: "11", PasswordFile: "12", Cookie: "13", Cert: "14", Wallet: "15"},
		Calendars: calendarSettings{URLs: []string{"16"}, Allow: []string{"17"}, Min: 18},
		Verify:    verifySettings{Network: "3", Confirmations: 4, AllowUnknownStatus: true, UnsafeCarriedWork: true},
		Status:    statusSettings{Validity: "5d"},
		Objects:   objectSettings{Endpoint: "20"},
	}
	keys := flatten(s)
	for key, value := range keys {
		require.NotZero(t, value, "%s: give it a value of its own here", key)
	}
	require.Equal(t, keys, s.defaults())
}

// Every environment variable that the example speaks for reaches its key.
func TestEnvironmentOfEveryKey(t *testing.T) {
	values := map[reflect.Kind]string{reflect.String: "7d", reflect.Uint32: "7", reflect.Int: "7", reflect.Int64: "7", reflect.Bool: "true", reflect.Slice: "https://one.example,https://two.example"}
	for key, value := range defaultSettings().defaults() {
		t.Run(key, func(t *testing.T) {
			set := values[reflect.TypeOf(value).Kind()]
			t.Setenv(envName(key), set)
			s, err := loadSettings(newEnvironment(), "", "")
			require.NoError(t, err)
			if reflect.TypeOf(value).Kind() == reflect.Slice {
				require.Equal(t, strings.Split(set, ","), flatten(s)[key])
				return
			}
			require.Equal(t, set, fmt.Sprint(flatten(s)[key]))
		})
	}
}

// A flag that stands for a key stands for one that there is, and names the same
// default in its help.
func TestFlagsOfKeys(t *testing.T) {
	defaults := defaultSettings().defaults()
	used := make(map[string]bool)
	visitCommands(testRoot(), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			for _, key := range f.Annotations[configKey] {
				value, known := defaults[key]
				require.True(t, known, "%s --%s: no key %s", cmd.CommandPath(), f.Name, key)
				if key != "calendars.urls" { // too long for a line of help
					require.Equal(t, fmt.Sprint(value), f.DefValue, "%s --%s", cmd.CommandPath(), f.Name)
				}
				used[key] = true
			}
		})
	})
	for key := range defaults {
		// How long lists are good for, and who may be asked, is the institution's
		// policy, and no flag.
		require.Equal(t, key != "status.validity" && key != "calendars.allow", used[key], key)
	}
}

func TestStatusValidity(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{"1d": day, "180d": 180 * day, "65535d": 65535 * day} {
		got, err := statusSettings{Validity: text}.validity()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "d", "0d", "-1d", "180", "180 d", "180D", "6 months", "4320h", "65536d", "1.5d"} {
		_, err := statusSettings{Validity: text}.validity()
		require.ErrorContains(t, err, "status.validity", text)
	}
}

// Every command's help has an example that begins with the command, and its
// exit codes.
func TestHelp(t *testing.T) {
	visitCommands(testRoot(), func(cmd *cobra.Command) {
		example, codes, ok := strings.Cut(cmd.Example, "\n\nExit codes: ")
		require.True(t, ok, "%s: no exit codes after the example", cmd.CommandPath())
		require.Contains(t, codes, "0 ", cmd.CommandPath())
		require.Contains(t, codes, "1 ", cmd.CommandPath())
		require.Contains(t, example, "  "+cmd.CommandPath(), "%s: no example", cmd.CommandPath())
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		require.False(t, strings.HasSuffix(cmd.Short, "."), cmd.CommandPath())
		for line := range strings.Lines(cmd.UsageString()) {
			require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 120, line)
		}
	})
}

// flatten returns the values of a struct of settings by their keys, such as
// "verify.network". A field has one name for file and example.
func flatten(s settings) map[string]any {
	keys := make(map[string]any)
	addKeys(keys, "", reflect.ValueOf(s))
	return keys
}

func addKeys(keys map[string]any, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		if tag.Get("yaml") != tag.Get("mapstructure") {
			panic("two names: " + string(tag))
		}
		key := prefix + tag.Get("yaml")
		if field := v.Field(i); field.Kind() == reflect.Struct {
			addKeys(keys, key+".", field)
		} else {
			keys[key] = field.Interface()
		}
	}
}

func treeKeys(tree map[string]any, prefix string) []string {
	var keys []string
	for key, value := range tree {
		if below, ok := value.(map[string]any); ok {
			keys = append(keys, treeKeys(below, prefix+key+".")...)
			continue
		}
		keys = append(keys, prefix+key)
	}
	return keys
}

func testRoot() *cobra.Command {
	a := &app{ui: newUI(Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})}
	return a.newRootCommand()
}

func visitCommands(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		visitCommands(sub, visit)
	}
}
