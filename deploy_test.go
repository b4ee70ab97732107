package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"gradseal/cmd"
)

// job is what the manifests use of a Job (batch/v1): fields that are not here, such as
// a mistyped one, are refused.
type job struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   metadata
	Spec       struct {
		CompletionMode       string `yaml:"completionMode"`
		Completions          int
		Parallelism          int
		BackoffLimitPerIndex int  `yaml:"backoffLimitPerIndex"`
		MaxFailedIndexes     *int `yaml:"maxFailedIndexes"`
		Template             struct {
			Metadata metadata
			Spec     pod
		}
	}
}

type metadata struct {
	Name   string
	Labels map[string]string
}

type pod struct {
	RestartPolicy                string `yaml:"restartPolicy"`
	AutomountServiceAccountToken *bool  `yaml:"automountServiceAccountToken"`
	SecurityContext              struct {
		RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
		RunAsUser      int                   `yaml:"runAsUser"`
		RunAsGroup     int                   `yaml:"runAsGroup"`
		FSGroup        int                   `yaml:"fsGroup"`
		SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	Containers []container
	Volumes    []volume
}

type volume struct {
	Name                  string
	PersistentVolumeClaim *struct {
		ClaimName string `yaml:"claimName"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"persistentVolumeClaim"`
	Secret *struct {
		SecretName  string `yaml:"secretName"`
		DefaultMode int    `yaml:"defaultMode"`
	}
}

type container struct {
	Name, Image string
	Args        []string
	Env         []struct {
		Name, Value string
		ValueFrom   *struct {
			FieldRef struct {
				FieldPath string `yaml:"fieldPath"`
			} `yaml:"fieldRef"`
		} `yaml:"valueFrom"`
	}
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
	Resources struct {
		Requests, Limits map[string]string
	}
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

// TestKubernetes holds the manifests to what a Job is, and their commands to the
// program's.
func TestKubernetes(t *testing.T) {
	files, err := filepath.Glob("deploy/kubernetes/*.yaml")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		decoder := yaml.NewDecoder(bytes.NewReader(data))
		decoder.KnownFields(true)
		var j job
		require.NoError(t, decoder.Decode(&j), file)
		require.Equal(t, "batch/v1 Job Indexed", fmt.Sprint(j.APIVersion, " ", j.Kind, " ", j.Spec.CompletionMode), file)
		require.Positive(t, j.Spec.BackoffLimitPerIndex)
		require.NotNil(t, j.Spec.MaxFailedIndexes)
		require.LessOrEqual(t, j.Spec.Parallelism, j.Spec.Completions)
		p := j.Spec.Template.Spec
		require.Equal(t, "Never", p.RestartPolicy, "%s: backoffLimitPerIndex wants it", file)
		require.False(t, *p.AutomountServiceAccountToken)
		require.True(t, p.SecurityContext.RunAsNonRoot && p.SecurityContext.RunAsUser > 0, file)
		require.Len(t, p.Containers, 1)
		c := p.Containers[0]
		require.True(t, !*c.SecurityContext.AllowPrivilegeEscalation && c.SecurityContext.ReadOnlyRootFilesystem, file)
		require.Equal(t, []string{"ALL"}, c.SecurityContext.Capabilities.Drop)
		require.NotEmpty(t, c.Resources.Limits["memory"])
		for _, m := range c.VolumeMounts {
			i := slices.IndexFunc(p.Volumes, func(v volume) bool { return v.Name == m.Name })
			require.GreaterOrEqual(t, i, 0, "%s: volume %s", file, m.Name)
		}
		requireCommand(t, file, c.Args, j.Spec.Completions)
		for _, e := range c.Env {
			require.False(t, strings.Contains(e.Name, "SECRET_ACCESS_KEY"), "%s: keys are mounted, not set", file)
		}
	}
}

// requireCommand parses the arguments of a container with the program's own flags.
func requireCommand(t *testing.T, file string, args []string, parts int) {
	t.Helper()
	var line []string
	for _, a := range args {
		line = append(line, strings.ReplaceAll(a, "$(JOB_COMPLETION_INDEX)", "7"))
	}
	found, rest, err := cmd.Commands().Find(line)
	require.NoError(t, err, file)
	require.NoError(t, found.ParseFlags(rest), file)
	if of := found.Flags().Lookup("of"); of != nil {
		require.Equal(t, fmt.Sprint(parts), of.Value.String(), "%s: completions and --of", file)
	}
}
