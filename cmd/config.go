package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"gradseal/anchor/calendar"
	"gradseal/objects"
)

// settings is the configuration file; config.example.yaml has every key with
// its default. A flag goes before the environment (GRADSEAL_VERIFY_NETWORK for
// verify.network), the environment before the file.
type settings struct {
	Anchor    anchorSettings   `mapstructure:"anchor" yaml:"anchor"`
	Node      nodeSettings     `mapstructure:"node" yaml:"node"`
	Calendars calendarSettings `mapstructure:"calendars" yaml:"calendars"`
	Verify    verifySettings   `mapstructure:"verify" yaml:"verify"`
	Status    statusSettings   `mapstructure:"status" yaml:"status"`
	Objects   objectSettings   `mapstructure:"objects" yaml:"objects"`
}

type anchorSettings struct {
	Network       string `mapstructure:"network" yaml:"network"`
	Issuer        string `mapstructure:"issuer" yaml:"issuer"`
	Via           string `mapstructure:"via" yaml:"via"`
	Confirmations uint32 `mapstructure:"confirmations" yaml:"confirmations"`
	Target        int    `mapstructure:"target" yaml:"target"`
	MaxFee        int64  `mapstructure:"max-fee" yaml:"max-fee"`
}

type nodeSettings struct {
	URL          string `mapstructure:"url" yaml:"url"`
	User         string `mapstructure:"user" yaml:"user"`
	PasswordFile string `mapstructure:"password-file" yaml:"password-file"`
	Cookie       string `mapstructure:"cookie" yaml:"cookie"`
	Cert         string `mapstructure:"cert" yaml:"cert"`
	Wallet       string `mapstructure:"wallet" yaml:"wallet"`
}

type calendarSettings struct {
	URLs  []string `mapstructure:"urls" yaml:"urls"`
	Allow []string `mapstructure:"allow" yaml:"allow"`
	Min   int      `mapstructure:"min" yaml:"min"`
}

type verifySettings struct {
	Network            string `mapstructure:"network" yaml:"network"`
	Confirmations      uint32 `mapstructure:"confirmations" yaml:"confirmations"`
	AllowUnknownStatus bool   `mapstructure:"allow-unknown-status" yaml:"allow-unknown-status"`
	UnsafeCarriedWork  bool   `mapstructure:"unsafe-carried-work" yaml:"unsafe-carried-work"`
}

type statusSettings struct {
	Validity string `mapstructure:"validity" yaml:"validity"`
}

type objectSettings struct {
	Endpoint string `mapstructure:"endpoint" yaml:"endpoint"`
}

func defaultSettings() settings {
	return settings{
		Anchor: anchorSettings{Network: "regtest", Target: 6, MaxFee: 50_000},
		Calendars: calendarSettings{
			URLs:  slices.Clone(calendar.Aggregators),
			Allow: strings.Split(calendar.Public.String(), ", "),
			Min:   2,
		},
		Verify:  verifySettings{Network: "mainnet"},
		Status:  statusSettings{Validity: "180d"},
		Objects: objectSettings{Endpoint: objects.DefaultEndpoint},
	}
}

// defaults are the keys of settings, each with its default value.
func (s settings) defaults() map[string]any {
	return map[string]any{
		"anchor.network":              s.Anchor.Network,
		"anchor.issuer":               s.Anchor.Issuer,
		"anchor.via":                  s.Anchor.Via,
		"anchor.confirmations":        s.Anchor.Confirmations,
		"anchor.target":               s.Anchor.Target,
		"anchor.max-fee":              s.Anchor.MaxFee,
		"node.url":                    s.Node.URL,
		"node.user":                   s.Node.User,
		"node.password-file":          s.Node.PasswordFile,
		"node.cookie":                 s.Node.Cookie,
		"node.cert":                   s.Node.Cert,
		"node.wallet":                 s.Node.Wallet,
		"calendars.urls":              s.Calendars.URLs,
		"calendars.allow":             s.Calendars.Allow,
		"calendars.min":               s.Calendars.Min,
		"verify.network":              s.Verify.Network,
		"verify.confirmations":        s.Verify.Confirmations,
		"verify.allow-unknown-status": s.Verify.AllowUnknownStatus,
		"verify.unsafe-carried-work":  s.Verify.UnsafeCarriedWork,
		"status.validity":             s.Status.Validity,
		"objects.endpoint":            s.Objects.Endpoint,
	}
}

const envPrefix = "GRADSEAL"

func newEnvironment() *viper.Viper {
	v := viper.New()
	v.SetEnvPrefix(envPrefix)
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_", "-", "_"))
	v.AutomaticEnv()
	for key, value := range defaultSettings().defaults() {
		v.SetDefault(key, value)
	}
	return v
}

// loadSettings reads the file that was named, or the home's if there is one.
// Unknown keys are errors, in the file and in the environment: a misspelt one
// must not pass for a setting.
func loadSettings(v *viper.Viper, homeFile, named string) (settings, error) {
	if err := checkEnvironment(v); err != nil {
		return settings{}, err
	}
	file := named
	if file == "" {
		file = v.GetString("config")
	}
	if file == "" {
		if _, err := os.Stat(homeFile); !errors.Is(err, fs.ErrNotExist) {
			file = homeFile
		}
	}
	if file != "" {
		v.SetConfigFile(file)
		v.SetConfigType("yaml")
		if err := v.ReadInConfig(); err != nil {
			return settings{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	var s settings
	if err := v.UnmarshalExact(&s); err != nil {
		return settings{}, hinted(fmt.Errorf("%s: %s", file, configFault(err)), "config.example.yaml has every key")
	}
	// A key with nothing behind it is no key to UnmarshalExact.
	for _, key := range v.AllKeys() {
		if !isSetting(key) {
			return settings{}, hinted(fmt.Errorf("%s: unknown key %s", file, quoted(key)), "config.example.yaml has every key")
		}
	}
	_, err := s.Status.validity()
	return s, err
}

// isSetting reports whether a key is that of a setting, or of a section of them: one
// that is empty is a key to viper.
func isSetting(key string) bool {
	for name := range defaultSettings().defaults() {
		if name == key || strings.HasPrefix(name, key+".") {
			return true
		}
	}
	return false
}

// configFault takes the list out of mapstructure's error of many lines.
func configFault(err error) string {
	lines := strings.Split(err.Error(), "\n")
	return strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "* ")
}

func checkEnvironment(v *viper.Viper) error {
	known := map[string]bool{envPrefix + "_HOME": true, envPrefix + "_CONFIG": true}
	for _, key := range v.AllKeys() {
		known[envName(key)] = true
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, envPrefix+"_") && !known[name] {
			return hinted(fmt.Errorf("unknown environment variable %s", name), "%s", environmentHint(name))
		}
	}
	return nil
}

// environmentHint says what to do about a variable that is no setting. One that is
// meant for a secret has a file: the environment of a process is in crash reports,
// in the lists of services and in that of every process that it starts.
func environmentHint(name string) string {
	for _, secret := range []string{"PASS", "SECRET", "KEY", "PIN", "TOKEN", "SALT", "COOKIE"} {
		if strings.Contains(name, secret) {
			return "no passphrase, password, PIN or key is taken from the environment: give its file, such as --passphrase-file or --node-password-file, or type it"
		}
	}
	return "config.example.yaml has every key"
}

func envName(key string) string {
	return envPrefix + "_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

// configKey marks a flag as the one for a key of the configuration.
const configKey = "gradseal-config-key"

func setConfigKey(flags *pflag.FlagSet, flag, key string) {
	if err := flags.SetAnnotation(flag, configKey, []string{key}); err != nil {
		panic(err) // no such flag: a bug in the command
	}
}

// applySettings gives every flag that was not set on the command line the
// value of its key.
func applySettings(v *viper.Viper, flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		key := f.Annotations[configKey]
		if err != nil || f.Changed || len(key) == 0 {
			return
		}
		value := v.GetString(key[0])
		if _, ok := f.Value.(pflag.SliceValue); ok {
			value = strings.Join(v.GetStringSlice(key[0]), ",")
		}
		if e := f.Value.Set(value); e != nil {
			err = fmt.Errorf("configuration %s: %w", key[0], e)
		}
	})
	return err
}

// validity is how long a status list is good for, written as days: "180d".
func (s statusSettings) validity() (time.Duration, error) {
	digits, ok := strings.CutSuffix(s.Validity, "d")
	days, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil || days == 0 {
		return 0, fmt.Errorf("configuration status.validity: %q, want a number of days such as 180d", s.Validity)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}
