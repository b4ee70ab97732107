//go:build pkcs11 && cgo

package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// TestToken runs the stories in testdata/token, in which keys are in the tokens
// "registrar" and "dean" of Debian's softhsm2: $MODULE speaks to them, and
// pin.txt has their PIN.
func TestToken(t *testing.T) {
	module := os.Getenv("TEST_SOFTHSM")
	if module == "" {
		module = "/usr/lib/softhsm/libsofthsm2.so"
	}
	if _, err := os.Stat(module); errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skip("SoftHSM is not installed")
	}
	samples, err := filepath.Abs("testdata/transcripts")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/token",
		Cmds:                scriptCommands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, "SAMPLES="+samples, "MODULE="+module)
			return errors.Join(useEmptyUser(env), makeTokens(env))
		},
	})
}

func makeTokens(env *testscript.Env) error {
	dir := filepath.Join(env.WorkDir, "tokens")
	conf := filepath.Join(env.WorkDir, "softhsm2.conf")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		return err
	}
	env.Setenv("SOFTHSM2_CONF", conf)
	for _, label := range []string{"registrar", "dean"} {
		cmd := exec.Command("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "13579", "--pin", "2468")
		cmd.Env = append(os.Environ(), "SOFTHSM2_CONF="+conf)
		if out, err := cmd.CombinedOutput(); err != nil {
			return errors.New(string(out))
		}
	}
	return nil
}
