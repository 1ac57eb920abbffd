# Writes mmrm.json (its note and the degrees of freedom mmrm prints are kept): nlme::gls on fev.csv, the artificial data set of the R package mmrm (Apache-2.0).
suppressMessages({library(nlme);library(jsonlite)})
d<-read.csv("csv/fev.csv",stringsAsFactors=TRUE); d$SEX<-relevel(d$SEX,"Male")
d<-d[!is.na(d$FEV1),]; d$VISITN<-as.integer(d$AVISIT); d<-d[order(d$USUBJID,d$VISITN),]

f<-FEV1 ~ RACE + SEX + ARMCD*AVISIT
out<-list(); printed<-fromJSON("mmrm.json")[c("note","unstructured_reml_satterthwaite")]
fits<-list(unstructured=quote(gls(f,d,correlation=corSymm(form=~VISITN|USUBJID),weights=varIdent(form=~1|VISITN),method=M)),
 ar1=quote(gls(f,d,correlation=corAR1(form=~VISITN|USUBJID),method=M)),
 compound_symmetry=quote(gls(f,d,correlation=corCompSymm(form=~1|USUBJID),method=M)))
for(n in names(fits)) for(M in c("REML","ML")){ m<-eval(fits[[n]]); cf<-coef(m); 
 V<-getVarCov(m, individual=names(which.max(table(d$USUBJID)))); 
 out[[paste(n,tolower(M))]]<-list(loglik=as.numeric(logLik(m)),terms=names(cf),estimate=as.numeric(cf),se=sqrt(diag(m$varBeta)),covariance=matrix(as.numeric(V),nrow(V))) ; cat(n,M,logLik(m),"\n"); if(M=="REML")print(matrix(as.numeric(V),nrow(V)))}
write(toJSON(list(formula="FEV1 ~ RACE + SEX + ARMCD*AVISIT",subject="USUBJID",visit="AVISIT",n=nrow(d),fits=out,versions=list(R=R.version.string,nlme=as.character(packageVersion("nlme"))),note=printed$note,unstructured_reml_satterthwaite=printed$unstructured_reml_satterthwaite),digits=12,auto_unbox=TRUE,pretty=TRUE),"mmrm.json")
