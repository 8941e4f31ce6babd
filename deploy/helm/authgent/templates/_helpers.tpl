{{- define "authgent.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "authgent.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "authgent.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "authgent.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "authgent.selectorLabels" -}}
app.kubernetes.io/name: {{ include "authgent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "authgent.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "authgent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "authgent.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "authgent.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "authgent.secretName" -}}
{{- default (printf "%s-secrets" (include "authgent.fullname" .)) .Values.secrets.existingSecret -}}
{{- end -}}

{{/* Of a Secret that the chart makes, the keys are its own. */}}
{{- define "authgent.secretKeys" -}}
{{- if .Values.secrets.existingSecret -}}
{{- toYaml .Values.secrets.keys -}}
{{- else -}}
signingKey: signing-key.pem
encryptionKey: encryption-key
dbDsn: db-dsn
{{- end -}}
{{- end -}}

{{- define "authgent.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What is below the path of the issuer, such as /auth/health/ready. */}}
{{- define "authgent.path" -}}
{{- (urlParse .Values.issuer).path | trimSuffix "/" -}}
{{- end -}}
